export type Bench = {
  /** One sentence for the help. */
  readonly says: string
  readonly options: Readonly<Record<string, { readonly fallback: string; readonly says: string }>>
  run(settings: Readonly<Record<string, string>>, progress: Progress): Promise<Report>
}

/** Tells what is going on; a share from 0 to 1 where it is known. */
export type Progress = (line: string, share?: number) => void

export type Report = {
  readonly title: string
  /** The first row is the heading. */
  readonly rows: readonly (readonly (string | number)[])[]
  readonly remarks?: readonly string[]
  /** For --json. */
  readonly figures: Readonly<Record<string, unknown>>
}
