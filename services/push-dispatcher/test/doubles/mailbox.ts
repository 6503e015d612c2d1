// A mail server on loopback: real SMTP, what it takes is kept.
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { emailProvider } from '../../src/providers/email.ts'
import type { Double, Scripted } from './double.ts'

export type MailServer = Double<'email'> & { readonly mails: readonly string[] }

export async function mailServer(): Promise<MailServer> {
  const taken: { text: string; id: string }[] = []
  const mails: string[] = []
  const scripted: Scripted[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo(_address, _session, done) {
      const answer = scripted[0]
      if (typeof answer !== 'object') return done()
      scripted.shift()
      const { text = '' } = (answer.body ?? {}) as { text?: string }
      done(Object.assign(new Error(text), { responseCode: answer.status }))
    },
    onData(stream, session, done) {
      let mail = ''
      stream.on('data', chunk => {
        mail += chunk
      })
      stream.on('end', () => {
        const answer = scripted.shift()
        if (answer === 'silence') return
        mails.push(mail)
        taken.push({
          text: mail.split('\r\n\r\n').slice(1).join('\n\n').trim(),
          id: /^Message-ID: <([^@]+)@/im.exec(mail)?.[1] ?? '',
        })
        if (answer === 'reset-after-accept')
          (server as unknown as { connections: Set<{ id: string; _socket: { destroy(): void } }> }).connections.forEach(
            each => {
              if (each.id === session.id) each._socket.destroy()
            },
          )
        else done()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  return {
    address: { kind: 'email', address: 'somebody@example.org' },
    provider: options => emailProvider({ url, from: 'Offers <offers@example.org>', ...options }),
    script: answer => void scripted.push(answer),
    taken,
    mails,
    gone: { status: 550, body: { text: '5.1.1 no such mailbox' } },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}
