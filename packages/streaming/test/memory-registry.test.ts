import { memoryRegistry } from '../src/index.ts'
import { registryConformance } from './registry-conformance.ts'

registryConformance('the memory registry', async () => memoryRegistry())
