import { memoryReservations } from '../src/index.ts'
import { reservationsConformance } from './reservations-conformance.ts'

reservationsConformance('in memory', async () => {
  const shared = memoryReservations()
  return () => shared
})
