// The documents against the tree: every link, path, command, option, script, bench and setting they name is there.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: root })]

type Command = { readonly options: readonly string[]; readonly commands: Readonly<Record<string, Command>> }

/** The commands as the program itself describes them: it is loaded, and asked in the place of being run. */
function commandTree(): Command {
  const program = `
    import { Command } from 'commander'
    const tree = ({ options, commands }) => ({
      options: options.flatMap(({ long, short }) => [long, short]),
      commands: Object.fromEntries(commands.map(each => [each.name(), tree(each)])),
    })
    Command.prototype.parseAsync = function () { console.log(JSON.stringify(tree(this))); process.exit() }
    await import('./src/main.ts')
  `
  return JSON.parse(ran(join(root, 'packages/cli'), '--input-type=module', '--eval', program)) as Command
}

function ran(cwd: string, ...given: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, given, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

const line = commandTree()
const benches = [...ran(root, 'tests/bench/main.ts', '--help').matchAll(/^ {2}([\w-]+) /gm)].map(([, name]) => name!)
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const settings = read('packages/streaming/src/settings.ts')
const names = new Set(
  globSync(['{packages,services,tests,schemas,docs}/**/*.{ts,avsc,md}', '*.{ts,md}'], {
    cwd: root,
    exclude: path => path.includes('node_modules'),
  }).map(file => basename(file)),
)

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

function badLinks(text: string, file: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^https?:/.test(target!)) return []
    const [path, anchor] = target!.split('#')
    const found = path === '' ? file : join(dirname(file), path!)
    if (!existsSync(join(root, found))) return [target!]
    return anchor === undefined || anchorsOf(read(found)).includes(anchor) ? [] : [target!]
  })
}

/** Paths from the root wherever they stand, and bare names of files in inline code. */
function badPaths(text: string): string[] {
  const rooted = [
    ...text.matchAll(/(?<![\w./-])(?:packages|services|tests|schemas|docs|models|infra)\/[\w./*{},-]*[\w/*}]/g),
  ]
  const bare = [...text.matchAll(/`([\w-]+\.(?:ts|avsc))`/g)]
  return [
    ...rooted.map(([path]) => path).filter(path => globSync(path, { cwd: root }).length === 0),
    ...bare.map(([, name]) => name!).filter(name => !names.has(name)),
  ]
}

/** `offerstream a b --c` and `pnpm x`, on a line of a console or in inline code; what follows must be known. */
function badCommands(text: string): string[] {
  const said = [
    ...text.matchAll(/^ *(?:\$ )?((?:npx -y )?pnpm\S* .*|offerstream .*)$/gm),
    ...text.matchAll(/`([^`\n]+)`/g),
  ]
  return said.flatMap(([, words]) => {
    const [, script, rest = ''] = /^(?:\$ )?(?:npx -y )?pnpm(?:@[\d.]+)? (\w+)(.*)$/.exec(words!) ?? []
    if (script === 'demo') return badWords(`demo${rest}`)
    if (script === 'offerstream') return badWords(rest)
    if (script === 'bench') {
      const name = rest.trim().split(' ')[0]!
      return name === '' || name === 'NAME' || benches.includes(name) ? [] : [`bench ${name}`]
    }
    if (script !== undefined) return script in scripts ? [] : [`pnpm ${script}`]
    return words!.startsWith('offerstream ') ? badWords(words!.slice('offerstream '.length)) : []
  })
}

function badWords(words: string): string[] {
  const [said] = words.trim().split(/\s+#\s/)
  let at = line
  let path = 'offerstream'
  const bad: string[] = []
  for (const word of said!.split(/\s+/)) {
    if (/^--\w/.test(word)) {
      if (word !== '--help' && !at.options.includes(word)) bad.push(`${path} ${word}`)
    } else if (Object.keys(at.commands).length > 0) {
      if (at.commands[word] === undefined) return /^[a-z]/.test(word) ? [...bad, `${path} ${word}`] : bad
      at = at.commands[word]
      path += ` ${word}`
    }
  }
  return bad
}

const badSettings = (text: string): string[] =>
  [...text.matchAll(/\bOFFERSTREAM_[A-Z_]+/g)].map(([name]) => name).filter(name => !settings.includes(`  ${name}: {`))

const wrong = (text: string, file: string): string[] => [
  ...badLinks(text, file),
  ...badPaths(text),
  ...badCommands(text),
  ...badSettings(text),
]

test.each(documents)('%s names nothing that is not there', file => {
  expect(wrong(read(file), file)).toEqual([])
})

test('what is not there is found', () => {
  const text = `
[a](docs/nothing.md) [b](README.md#nothing) [c](README.md#to-add)
\`packages/features/src/nothing.ts\`, \`nothing.ts\` and \`features.ts\`, schemas/*.avsc
\`pnpm offerstream intake chek\` \`pnpm offerstream intake check TOPIC --drafty\` \`offerstream replya\` \`pnpm bench nothing\`
$ npx -y pnpm@12.21.0 nothing
$ pnpm offerstream replay --form 1   # as --nothing
\`OFFERSTREAM_NOTHING\` \`OFFERSTREAM_DATA\`
`
  expect(wrong(text, 'README.md')).toEqual([
    'docs/nothing.md',
    'README.md#nothing',
    'docs/nothing.md',
    'packages/features/src/nothing.ts',
    'nothing.ts',
    'pnpm nothing',
    'offerstream replay --form',
    'offerstream intake chek',
    'offerstream intake check --drafty',
    'offerstream replya',
    'bench nothing',
    'OFFERSTREAM_NOTHING',
  ])
})

describe('the README', () => {
  test('names every command', () => {
    const readme = read('README.md')
    expect(Object.keys(line.commands).filter(name => !new RegExp(`\`${name}[\` ]`).test(readme))).toEqual([])
  })
})

describe('the decisions', () => {
  const files = globSync('docs/decisions/*.md', { cwd: root }).sort()

  test('are numbered without a gap', () => {
    expect(files.map(file => Number(/(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1]))).toEqual(files.map((_, i) => i + 1))
  })

  test.each(files)('%s is a page of context, choice, and what was given up', file => {
    const text = read(file)
    expect(text).toMatch(new RegExp(`^# ${/\d{4}/.exec(file)![0]}: `))
    expect([...text.matchAll(/^\*\*(.*?)\.\*\*/gm)].map(([, part]) => part)).toEqual(['Context', 'Choice', 'Given up'])
    expect(text.length).toBeLessThan(4000)
  })
})

test('every bench has a row in the method', () => {
  const text = read('docs/benchmarks.md')
  expect(benches.filter(name => !text.includes(`| \`${name}\``))).toEqual([])
})
