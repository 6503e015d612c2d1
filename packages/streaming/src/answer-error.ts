import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Transient } from './ports.ts'

/** For a route of an API: what is unwell now may be asked again, with 503; any other error takes its usual way. */
export function answerError(error: FastifyError | Error, _request: FastifyRequest, reply: FastifyReply): void {
  if (!(error instanceof Transient)) throw error
  reply.code(503).header('retry-after', '1').send({ error: 'unavailable', message: error.message })
}
