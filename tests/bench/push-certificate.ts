import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

type CertificateFiles = { readonly key: string; readonly cert: string }

/** Writes a key and a certificate of its own for 127.0.0.1, good for a day, into the folder. Needs `openssl`. */
export function writeCertificate(folder: string): CertificateFiles {
  const files = { key: join(folder, 'push.key'), cert: join(folder, 'push.crt') }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const wanted = ['req', '-x509', ...curve, ...name, '-days', '1', '-keyout', files.key, '-out', files.cert]
  const { status, stderr, error } = spawnSync('openssl', wanted, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl made no certificate: ${error?.message ?? stderr}`)
  return files
}
