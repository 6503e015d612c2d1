// Every setting by the name it has in the environment. A service's config.ts picks what it needs; nothing else reads
// the environment.

type Kind = 'text' | 'secret' | 'list' | 'integer' | 'number' | 'flag' | 'map'
type Setting = { readonly kind: Kind; readonly fallback: string; readonly help: string }

export const settings = {
  OFFERSTREAM_KAFKA_BROKERS: { kind: 'list', fallback: '127.0.0.1:9092', help: 'Kafka brokers, comma separated.' },
  OFFERSTREAM_REDIS_URL: {
    kind: 'list',
    fallback: 'redis://127.0.0.1:6379',
    help: 'Redis; several, comma separated, are the nodes of a cluster.',
  },
  OFFERSTREAM_REDIS_REPLICAS: {
    kind: 'integer',
    fallback: '0',
    help: 'Replicas that must have a save before it counts.',
  },
  OFFERSTREAM_REGISTRY_URL: {
    kind: 'text',
    fallback: 'http://127.0.0.1:8081',
    help: 'Schema registry, Confluent API.',
  },
  OFFERSTREAM_PREFIX: {
    kind: 'text',
    fallback: '',
    help: 'Before every topic, group and key, so that brands can share a cluster.',
  },
  OFFERSTREAM_PARTITIONS: {
    kind: 'integer',
    fallback: '12',
    help: 'Partitions of the customer-keyed topics, fixed at creation.',
  },
  OFFERSTREAM_CLOCK: {
    kind: 'text',
    fallback: '',
    help: 'origin/since/speed in milliseconds, for demos and historical data; empty is wall time.',
  },
  OFFERSTREAM_MODELS: { kind: 'text', fallback: 'models', help: 'Folder of the model registry.' },
  OFFERSTREAM_HTTP_HOST: { kind: 'text', fallback: '127.0.0.1', help: 'Address of API, health and metrics.' },
  OFFERSTREAM_HTTP_PORT: {
    kind: 'integer',
    fallback: '0',
    help: 'Port of API, health and metrics; 0 picks a free one.',
  },
  OFFERSTREAM_BATCH_RECORDS: { kind: 'integer', fallback: '2000', help: 'Most records of one partition in a batch.' },
  OFFERSTREAM_SESSION_TIMEOUT_MS: {
    kind: 'integer',
    fallback: '30000',
    help: 'Silence after which a member loses its partitions, milliseconds.',
  },
  OFFERSTREAM_GENERATIONS: {
    kind: 'map',
    fallback: '',
    help: 'Generation of recreated topics, as topic=2, comma separated.',
  },
  OFFERSTREAM_CONTINUE_AFTER_REJECTS: {
    kind: 'flag',
    fallback: 'false',
    help: 'Go on after a source stopped because of too many rejects.',
  },
  OFFERSTREAM_MAPPING: {
    kind: 'text',
    fallback: '',
    help: "File that says how the company's own topics are read; empty reads the contract's topics alone.",
  },
  OFFERSTREAM_FUTURE_LIMIT_MS: {
    kind: 'integer',
    fallback: '300000',
    help: 'Events further ahead of the clock are dead letters, milliseconds.',
  },
  OFFERSTREAM_TICK_LAG_RECORDS: {
    kind: 'integer',
    fallback: '1000',
    help: 'No tick while a source is further behind, records.',
  },
  OFFERSTREAM_VAPID_SUBJECT: {
    kind: 'text',
    fallback: 'mailto:operator@example.invalid',
    help: 'Contact that push services may use.',
  },
  OFFERSTREAM_VAPID_PUBLIC_KEY: {
    kind: 'text',
    fallback: '',
    help: 'VAPID public key, base64url; a pair for this run where empty.',
  },
  OFFERSTREAM_VAPID_PRIVATE_KEY: { kind: 'secret', fallback: '', help: 'VAPID private key, base64url.' },
  OFFERSTREAM_CONTACT_KEY: {
    kind: 'secret',
    fallback: '',
    help: 'Key that seals the keys of contact data, 32 bytes as base64url; one that lies beside them where empty.',
  },
  OFFERSTREAM_WEBHOOK_SECRETS: {
    kind: 'secret',
    fallback: '',
    help: 'Secrets that sign webhooks, whsec_ and base64, the newest first, with commas; no webhooks where empty.',
  },
  OFFERSTREAM_FCM_ACCOUNT: {
    kind: 'text',
    fallback: '',
    help: 'File of the service account that may send by Firebase Cloud Messaging; none where empty.',
  },
  OFFERSTREAM_APNS_KEY: {
    kind: 'text',
    fallback: '',
    help: "File of the .p8 key for Apple's push service; none where empty.",
  },
  OFFERSTREAM_APNS_KEY_ID: { kind: 'text', fallback: '', help: 'Id of that key.' },
  OFFERSTREAM_APNS_TEAM_ID: { kind: 'text', fallback: '', help: 'Team the key belongs to.' },
  OFFERSTREAM_APNS_TOPIC: { kind: 'text', fallback: '', help: 'Bundle id of the app that shows the messages.' },
  OFFERSTREAM_SMTP_URL: {
    kind: 'secret',
    fallback: '',
    help: 'Mail server, smtps://user:password@host or smtp://host:port; no e-mail where empty.',
  },
  OFFERSTREAM_MAIL_FROM: { kind: 'text', fallback: '', help: 'Sender of e-mails, for example Offers <offers@host>.' },
  OFFERSTREAM_PUSH_MODE: {
    kind: 'text',
    fallback: 'live',
    help: 'off reads nothing, dry-run calls no provider, shadow only pretends to, live pushes.',
  },
  OFFERSTREAM_PUSH_LOCAL_DEVICES: {
    kind: 'flag',
    fallback: 'false',
    help: 'Live on a clock that is not the wall clock: then only addresses of this machine are pushed to.',
  },
  OFFERSTREAM_PUSH_RATES: {
    kind: 'map',
    fallback: '',
    help: 'Most requests a second as web-push=500, for each origin of a provider, or https://host=100; no limit where empty.',
  },
  OFFERSTREAM_PUSHES_PER_MINUTE: {
    kind: 'integer',
    fallback: '0',
    help: 'Requests of one member to providers within a minute at which it stops for ten; 0 for no limit.',
  },
  OFFERSTREAM_PUSH_AT_LEAST_ONCE: {
    kind: 'list',
    fallback: '',
    help: 'Categories whose offers are sent again when a crash leaves open whether they were, under the same collapse id.',
  },
  OFFERSTREAM_SEND_HOURS: {
    kind: 'text',
    fallback: '',
    help: "Hours of the customer's day in which offers go out, as 17-20, or learned for those in which each customer clicks; at once where empty.",
  },
  OFFERSTREAM_LINK_URL: {
    kind: 'text',
    fallback: '',
    help: 'Public address of /c, /d and /u of the dispatcher, for the links in messages; no links where empty.',
  },
  OFFERSTREAM_LINK_KEYS: {
    kind: 'secret',
    fallback: '',
    help: 'Keys that seal those links, 32 bytes each as base64url, the newest first, with commas.',
  },
  OFFERSTREAM_LOG_LEVEL: { kind: 'text', fallback: 'info', help: 'pino level.' },
  OFFERSTREAM_FAIL_POINT: {
    kind: 'text',
    fallback: '',
    help: 'For fault tests: name:n[:kill|freeze], ends or freezes the process there.',
  },
  OFFERSTREAM_GUARDS_OFF: {
    kind: 'list',
    fallback: '',
    help: 'For negative controls only: compare, epoch, causes, save-first, intent-first, recheck, intents-known.',
  },
  OFFERSTREAM_DATA: { kind: 'text', fallback: '', help: 'Directory of real data sets, for tests and benches.' },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings

/** Thrown with every problem at once, one a line. */
export class BadSettings extends Error {
  override name = 'BadSettings'
}

export type Settings = {
  text(name: SettingName): string
  list(name: SettingName): readonly string[]
  number(name: SettingName): number
  flag(name: SettingName): boolean
  map(name: SettingName): Readonly<Record<string, string>>
}

/** Parses the environment. Throws `BadSettings` listing unknown names with the nearest known one, and wrong values. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const problems: string[] = []
  for (const name of Object.keys(environment))
    if (name.startsWith('OFFERSTREAM_') && !(name in settings))
      problems.push(`${name} is not a setting; the nearest known one is ${nearest(name, Object.keys(settings))}`)
  const values = new Map<string, string>()
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting][]) {
    const value = environment[name] ?? setting.fallback
    values.set(name, value)
    const wrong = problem(setting.kind, value)
    if (wrong !== null)
      problems.push(`${name} is ${setting.kind === 'secret' ? 'not usable' : `"${value}"`}: ${wrong}. ${setting.help}`)
  }
  if (problems.length > 0) throw new BadSettings(problems.join('\n'))
  const text = (name: SettingName): string => values.get(name)!
  const list = (name: SettingName): readonly string[] =>
    text(name)
      .split(',')
      .map(each => each.trim())
      .filter(each => each !== '')
  return {
    text,
    list,
    number: name => Number(text(name)),
    flag: name => text(name) === 'true',
    map: name => Object.fromEntries(list(name).map(each => each.split('=') as [string, string])),
  }
}

/** The settings of a process that cannot go on without them: bad ones are listed, and it ends with exit code 1. */
export function settingsOrExit(environment: Readonly<Record<string, string | undefined>>): Settings {
  try {
    return readSettings(environment)
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

function problem(kind: Kind, value: string): string | null {
  switch (kind) {
    case 'integer':
      return /^\d+$/.test(value) ? null : 'wanted a whole number'
    case 'number':
      return value !== '' && Number.isFinite(Number(value)) ? null : 'wanted a number'
    case 'flag':
      return value === 'true' || value === 'false' ? null : 'wanted true or false'
    case 'map':
      return value === '' || value.split(',').every(each => /^[^=]+=[^=]+$/.test(each.trim()))
        ? null
        : 'wanted name=value, comma separated'
    default:
      return null
  }
}

/** The known name with the fewest edits (Levenshtein distance) from the one given. */
export function nearest(name: string, known: readonly string[]): string {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, at) => at)
    for (let i = 1; i <= a.length; i++) {
      const next = [i]
      for (let j = 1; j <= b.length; j++)
        next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      row = next
    }
    return row[b.length]!
  }
  return known.reduce((best, each) => (distance(name, each) < distance(name, best) ? each : best))
}
