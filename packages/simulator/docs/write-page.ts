// node packages/simulator/docs/write-page.ts: writes docs/simulator.html.
import { writeFileSync } from 'node:fs'
import { simulatorPage } from './page.ts'

writeFileSync(new URL('../../../docs/simulator.html', import.meta.url), simulatorPage())
