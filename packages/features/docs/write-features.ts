// Writes docs/features.md and docs/triggers.md.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { featureTable, triggerTable } from '@offerstream/features'
import { featuresPage } from './page.ts'
import { triggersPage } from './triggers-page.ts'

writeFileSync(join(import.meta.dirname, '../../../docs/features.md'), featuresPage(featureTable))
writeFileSync(join(import.meta.dirname, '../../../docs/triggers.md'), triggersPage(triggerTable))
