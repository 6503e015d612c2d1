// A chapter of docs/tour with its blocks of code, and a copy of a package in which what it adds is really in the lists.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const repository = join(import.meta.dirname, '..')

export function tourChapter(name: string) {
  const text = readFileSync(join(repository, `docs/tour/${name}.md`), 'utf8')
  const blocks = [...text.matchAll(/^( *)```(\w+) ?(.*)\n([\s\S]*?)^ *```$/gm)].map(([, indent, kind, name, text]) => ({
    kind: kind!,
    name: name!,
    text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))
  return {
    text,
    blocks,
    blocksFor: (name: string): string[] => blocks.filter(each => each.name === name).map(({ text }) => text),
    /** What is not a part of a file, each with the block under it: what it prints. */
    programs: blocks.flatMap(({ kind, name, text }, at) =>
      kind === 'ts' && name === '' ? [[text, blocks[at + 1]!] as const] : [],
    ),
  }
}

export function copyOfPackage(name: string) {
  const original = join(repository, 'packages', name)
  const root = mkdtempSync(join(tmpdir(), 'offerstream-tour-'))
  const folder = join(root, 'packages', name)
  const modules = join(original, 'node_modules')
  cpSync(original, folder, { recursive: true, filter: from => from !== modules })
  symlinkSync(modules, join(folder, 'node_modules'))
  /** What node prints in the copy; throws what it says where it fails. */
  const node = (...given: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, given, { cwd: folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(stdout + stderr)
    return stdout
  }
  return {
    root,
    folder,
    node,
    run(program: string): string {
      writeFileSync(join(folder, 'program.ts'), program)
      return node('program.ts')
    },
    /** Writes entries before the one place in a file that begins so. */
    insert(file: string, before: string, entries: string): void {
      const path = join(folder, file)
      const [head, tail, ...more] = readFileSync(path, 'utf8').split(before)
      if (tail === undefined || more.length > 0) throw new Error(`${file} does not hold ${before} once`)
      writeFileSync(path, head + entries + before + tail)
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
