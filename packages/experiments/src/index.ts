export { assign, isRunning } from './assign.ts'
export { bet, gainAbove, gainOn, isBroken, noWealth, together, type Wealth } from './wager.ts'
