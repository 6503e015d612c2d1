import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')

/** Runs the command line as a user would. */
function offerstream(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', main, ...args],
    { encoding: 'utf8', env: { ...process.env, ...environment }, timeout: 60_000 },
  )
  return { status, stdout, stderr }
}

/** Resolves once standard error holds the word: then it is at work, however busy the machine is. */
const says = (child: ChildProcess, word: string): Promise<void> =>
  new Promise((resolve, reject) => {
    let said = ''
    child.stderr!.on('data', chunk => {
      said += chunk
      if (said.includes(word)) resolve()
    })
    child.on('exit', code => reject(new Error(`ended with ${code}: ${said}`)))
  })

const lastLine = (text: string): unknown => JSON.parse(text.trimEnd().split('\n').at(-1)!)

describe('the command line', () => {
  test('helps', () => {
    const { status, stdout } = offerstream(['--help'])
    expect(status).toBe(0)
    for (const command of ['demo', 'ingest', 'run', 'doctor', 'explain', 'topics', 'replay'])
      expect(stdout).toContain(command)
    expect(offerstream(['demo', '--help']).stdout).toMatch(
      /--customers[\s\S]*--rate[\s\S]*--seconds[\s\S]*--dataset[\s\S]*--keep[\s\S]*--json/,
    )
  })

  test.each([
    [['demo', '--rate', 'fast'], /wanted a whole number of at least 1/],
    [['demo', '--stack', 'mainframe'], /Allowed choices are auto, embedded, local, compose, external/],
    [['demo', '--dataste', 'megaline'], /Did you mean --dataset/],
    [['frobnicate'], /unknown command/],
    [['demo', '--stack', 'embedded', '--dataset', 'megaline'], /needs --dir/],
    [['demo', '--stack', 'embedded', '--dataset', 'megaline', '--dir', '/nowhere'], /\/nowhere/],
    [['run', 'mainframe', '--stack', 'embedded'], /mainframe: no such service; there are intake/],
    [['ingest', 'megaline', '--dir', '/nowhere', '--speed', 'quick'], /wanted a number of times/],
  ])('%j ends with one clear message and a code other than 0', (args, message) => {
    const { status, stderr } = offerstream(args)
    expect(status).not.toBe(0)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n {4}at /)
  })

  test('doctor says what is there and what is missing, as one object too', () => {
    const { status, stdout } = offerstream([
      'doctor',
      '--stack',
      'none',
      '--json',
      '--models',
      join(tmpdir(), 'no-models-here'),
    ])
    const report = lastLine(stdout) as { ok: boolean; checks: { what: string; ok: boolean; fix: string | null }[] }
    expect(status).toBe(1)
    expect(report.ok).toBe(false)
    expect(report.checks.find(({ what }) => what === 'Node')).toMatchObject({ ok: true, fix: null })
    expect(report.checks.find(({ what }) => what === 'models')).toMatchObject({ ok: false })
    expect(offerstream(['doctor', '--stack', 'none'], { OFFERSTREAM_KAFKA_BROKER: 'x' }).stdout).toMatch(
      /MISSING .*OFFERSTREAM_KAFKA_BROKERS/,
    )
  })

  test('an external stack that does not answer is named with the fix', () => {
    const { status, stderr } = offerstream(['topics', '--stack', 'external'], {
      OFFERSTREAM_KAFKA_BROKERS: '127.0.0.1:1',
      OFFERSTREAM_REDIS_URL: 'redis://127.0.0.1:1',
      OFFERSTREAM_REGISTRY_URL: 'http://127.0.0.1:1',
    })
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /Kafka does not answer at 127\.0\.0\.1:1[\s\S]*Redis does not answer[\s\S]*registry does not answer/,
    )
  })
})

describe('the demo', () => {
  test('embedded, prints one object with what was counted, and Ctrl-C ends it in order', async () => {
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=TimeoutNegativeWarning',
        main,
        'demo',
        '--stack',
        'embedded',
        '--customers',
        '400',
        '--rate',
        '400',
        '--seconds',
        '600',
        '--json',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let out = ''
    child.stdout.on('data', chunk => {
      out += chunk
    })
    await says(child, 'registering')
    setTimeout(() => child.kill('SIGINT'), 6000)
    const code = await new Promise(resolve => child.on('exit', resolve))
    const summary = lastLine(out) as Record<string, unknown>
    expect(code).toBe(0)
    expect(Object.keys(summary)).toEqual(
      expect.arrayContaining([
        'stack',
        'versions',
        'eventsSent',
        'journalLength',
        'featuresApplied',
        'repeatsSkipped',
        'decisions',
        'offers',
        'pushesAccepted',
        'pushesShown',
        'deadLetters',
        'lost',
        'latencyMs',
        'secondsToFirstPush',
      ]),
    )
    expect(summary).toMatchObject({ stack: 'embedded', lost: 0, deadLetters: {} })
    expect(summary['eventsSent']).toBeGreaterThan(400)
    expect(summary['pushesShown']).toBe(summary['pushesAccepted'])
  }, 60_000)
})

describe('a data set', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'offerstream-megaline-'))
    const files: Record<string, string> = {
      plans:
        'messages_included,mb_per_month_included,minutes_included,usd_monthly_pay,usd_per_gb,usd_per_message,usd_per_minute,plan_name\n50,15360,500,20,10,0.03,0.03,surf\n1000,30720,3000,70,7,0.01,0.01,ultimate\n',
      users: 'user_id,age,city,reg_date,plan,churn_date\n1,45,Here,2018-01-01,surf,\n2,30,There,2018-01-02,ultimate,\n',
      calls: `id,user_id,call_date,duration\n${Array.from({ length: 40 }, (_, at) => `1_${at},1,2018-01-${String(1 + (at % 28)).padStart(2, '0')},${at}.5\n`).join('')}`,
      messages: 'id,user_id,message_date\n2_0,2,2018-01-05\n',
      internet: `id,user_id,session_date,mb_used\n${Array.from({ length: 30 }, (_, at) => `1_${at},1,2018-02-${String(1 + (at % 28)).padStart(2, '0')},900.0\n`).join('')}`,
    }
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(dir, `megaline_${name}.csv.gz`), gzipSync(text))
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  test('streams whole through the line', () => {
    const { status, stdout } = offerstream([
      'demo',
      '--stack',
      'embedded',
      '--dataset',
      'megaline',
      '--dir',
      dir,
      '--json',
    ])
    expect(status).toBe(0)
    expect(lastLine(stdout)).toMatchObject({ eventsSent: 73, lost: 0 })
  })

  test('that is interrupted is resumed where it stopped', async () => {
    const slow = ['ingest', 'megaline', '--dir', dir, '--speed', '500000x', '--stack', 'embedded', '--json']
    const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', main, ...slow], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    child.stdout.on('data', chunk => {
      out += chunk
    })
    await says(child, 'megaline')
    child.kill('SIGINT')
    expect(await new Promise(resolve => child.on('exit', resolve))).toBe(130)
    const first = lastLine(out) as { sent: number; complete: boolean; records: number }
    expect(first.complete).toBe(false)
    expect(first.sent).toBeGreaterThan(0)
    expect(first.sent).toBeLessThan(first.records)
    const { status, stdout } = offerstream([
      'ingest',
      'megaline',
      '--dir',
      dir,
      '--stack',
      'embedded',
      '--json',
      '--resume',
    ])
    expect(status).toBe(0)
    expect(lastLine(stdout)).toMatchObject({ skipped: first.sent, sent: first.records - first.sent, complete: true })
  }, 60_000)
})
