import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Transient } from './ports.ts'

/**
 * For a route of an API: a question that makes no sense is a 400, what is unwell now may be asked again, with 503; any
 * other error takes its usual way.
 */
export function answerError(error: FastifyError | Error, _request: FastifyRequest, reply: FastifyReply): void {
  if ('validation' in error && error.validation !== undefined)
    reply.code(400).send({ error: 'bad-request', message: error.message })
  else if (error instanceof Transient)
    reply.code(503).header('retry-after', '1').send({ error: 'unavailable', message: error.message })
  else throw error
}
