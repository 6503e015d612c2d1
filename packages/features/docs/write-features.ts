// Writes docs/features.md.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { featureTable } from '@offerstream/features'
import { featuresPage } from './page.ts'

writeFileSync(join(import.meta.dirname, '../../../docs/features.md'), featuresPage(featureTable))
