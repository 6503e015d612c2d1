export { assign, isRunning } from './assign.ts'
