// What this machine and the stack have, and what to do about what is missing.
import { spawnSync } from 'node:child_process'
import { impedimentsText } from '@offerstream/offer-scorer'
import { neverOffers } from '@offerstream/policy'
import { createModels, demoPromotions } from '@offerstream/ranker'
import { type StackKind, startStack } from '@offerstream/stack'
import { readSettings, type Surroundings, UnknownTopic } from '@offerstream/streaming'
import { playbookAt, readPlaybook } from './playbook.ts'
import { runningLine } from './remembered-line.ts'
import { surroundingsOf } from './surroundings.ts'

export type Check = { readonly what: string; readonly ok: boolean; readonly found: string; readonly fix: string | null }

export async function doctor(options: {
  readonly stack: StackKind | 'auto' | 'none'
  readonly models: string
  readonly progress: (line: string) => void
}): Promise<readonly Check[]> {
  const checks: Check[] = []
  const check = (what: string, ok: boolean, found: string, fix: string): void =>
    void checks.push({ what, ok, found, fix: ok ? null : fix })
  const version = (command: string, ...args: string[]): string | null => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })
    return status === 0 ? (stdout || stderr).split('\n')[0]!.trim() : null
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  check(
    'Node',
    major! > 24 || (major === 24 && minor! >= 6),
    process.version,
    'run it through pnpm, which brings Node 24',
  )
  try {
    readSettings(process.env)
    check('settings', true, 'OFFERSTREAM_* are known and well formed', '')
  } catch (error) {
    check('settings', false, (error as Error).message, 'correct or unset them')
  }
  const tools = [
    [
      'python3',
      ['-m', 'pip', '--version'],
      'for the local stack: install Python with pip, for example: apt-get install python3-pip',
    ],
    ['mvn', ['-q', '--version'], 'for the local stack: install Maven, for example: apt-get install maven'],
    ['docker', ['info', '--format', '{{.ServerVersion}}'], 'only for the compose stack: start a Docker engine'],
  ] as const
  for (const [tool, args, fix] of tools) {
    const found = version(tool, ...args)
    check(
      tool === 'docker' ? 'docker (optional)' : tool,
      found !== null || tool === 'docker',
      found ?? 'not found',
      fix,
    )
  }
  const models = createModels(options.models)
  try {
    for (const promotion of await demoPromotions(options.models)) {
      await models.load(promotion)
      check(`model ${promotion.name}/${promotion.version}`, true, 'loads, its golden rows agree', '')
    }
  } catch (error) {
    check('models', false, (error as Error).message, `look at ${options.models}`)
  } finally {
    await models.close()
  }
  if (options.stack !== 'none')
    try {
      const stack = await startStack(options.stack, { instance: 'doctor', progress: options.progress })
      check(
        `stack ${stack.kind}`,
        true,
        `${stack.why}; ${Object.entries(stack.versions)
          .map(([name, found]) => `${name} ${found}`)
          .join(', ')}`,
        '',
      )
      await stack.stop()
    } catch (error) {
      check('stack', false, (error as Error).message, 'see above')
    }
  if (options.stack !== 'none')
    try {
      const playbook = await playbookOfLine()
      if (playbook !== null) checks.push(playbook)
    } catch (error) {
      check('playbook', false, (error as Error).message, 'see above')
    }
  return checks
}

/** Of the line that runs; null where none does. */
async function playbookOfLine(): Promise<Check | null> {
  const running = await runningLine()
  if (running === null) return null
  const surroundings = surroundingsOf(running.stack, running.line)
  try {
    return await checkPlaybook(surroundings)
  } finally {
    await surroundings.close()
    await running.stack.stop()
  }
}

/** Whether a line's playbook, as it is now, has anything to offer to anybody; null where it has no playbook yet. */
export async function checkPlaybook(
  around: Pick<Surroundings, 'log' | 'registry' | 'prefix' | 'clock'>,
): Promise<Check | null> {
  const entries = await readPlaybook(around).catch(error => {
    if (error instanceof UnknownTopic) return []
    throw error
  })
  if (entries.length === 0) return null
  const playbook = playbookAt(entries, null)
  const impediments = neverOffers(playbook, around.clock.now())
  const what = `playbook version ${playbook.version}`
  return impediments === null
    ? { what, ok: true, found: `${playbook.items.size} items, something can be offered`, fix: null }
    : {
        what,
        ok: false,
        found: `nothing can be offered to anybody: ${impedimentsText(impediments)}`,
        fix: 'look at `offerstream playbook history`, and put what is right with `offerstream playbook put`',
      }
}
