import { devices, saleChannels } from './people.ts'

/** How a column is kept; a list of labels is one byte that counts them. */
export type ColumnKind = 'f64' | 'f32' | 'i32' | 'u8' | readonly string[]
export type TableColumns = Readonly<Record<string, ColumnKind>>

/** `serial` numbers a customer's events; an event that comes twice comes with the same. Times are milliseconds since the epoch. */
const event = { customer: 'i32', serial: 'i32', at: 'f64', arrived: 'f64' } as const

export const ageBands = ['18-24', '25-34', '35-44', '45-54', '55-64', '65+'] as const

/** What anybody may see. An item is a code: `itemName` gives its name. Serials that name another event are -1 for none. */
export const marketTopics = {
  usage: {
    ...event,
    kind: ['data', 'voice', 'text'],
    dataKb: 'i32',
    seconds: 'i32',
    texts: 'i32',
    overageMinor: 'i32',
    roaming: 'u8',
  },
  purchases: {
    ...event,
    type: ['purchase', 'purchase_retracted'],
    item: 'i32',
    priceMinor: 'i32',
    channel: saleChannels,
    offer: 'i32',
    /** Of a retraction: the purchase and its time. */
    purchase: 'i32',
    purchasedAt: 'f64',
  },
  engagements: {
    ...event,
    kind: ['displayed', 'opened', 'clicked', 'dismissed', 'rejected', 'app_opened', 'interaction'],
    surface: ['push', 'app_home', 'shop', 'call_centre', 'email', 'web', 'other'],
    offer: 'i32',
    item: 'i32',
    interaction: ['none', 'complaint', 'question', 'technical', 'cancellation'],
  },
  /** The profile as it stands from then on; item -1 for those who left. */
  customers: {
    ...event,
    item: 'i32',
    monthlyChargeMinor: 'i32',
    customerSince: 'f64',
    bindingEndsAt: 'f64',
    bundle: 'u8',
    ageBand: ageBands,
    device: devices,
    channel: saleChannels,
    household: 'i32',
    /** What they once said they need, 0 for missing. */
    statedGb: 'u8',
    consent: 'u8',
  },
  /** One plan offer a month: bit j of `eligible` stands for plan j, `propensity` is that of the item offered. */
  offers: { ...event, item: 'i32', eligible: 'i32', propensity: 'f64' },
  /** One of the day's sales, sent at an hour. */
  pushes: { ...event, item: 'i32', hour: 'u8', propensity: 'f64' },
  /** A month's discount on one product, what was sold under it, and what was known before. */
  discounts: {
    ...event,
    trial: ['randomised', 'targeted'],
    arm: ['0', '20', '25'],
    propensity0: 'f64',
    propensity20: 'f64',
    propensity25: 'f64',
    listPriceMinor: 'i32',
    units: 'i32',
    revenueMinor: 'i32',
    marginMinor: 'i32',
    unitsBefore: 'i32',
    discountsBefore: 'i32',
  },
} as const satisfies Record<string, TableColumns>

/** What only a judge may see. Kept apart from the topics, in files of their own. */
export const oracleTables = {
  people: {
    customer: 'i32',
    month: 'i32',
    logNeed: 'f32',
    incomeMinor: 'f32',
    sensitivity: 'f32',
    streamingShare: 'f32',
    roamingShare: 'f32',
    taste0: 'f32',
    taste1: 'f32',
    taste2: 'f32',
    inertia: 'f32',
    attention: 'f32',
    openness: 'f32',
    packageClass: 'u8',
    secondClass: 'u8',
    classShare: 'f32',
    favourite: 'u8',
    discountType: ['always-buyer', 'deal-seeker', 'sleeping-dog', 'stockpiler'],
    elasticity: 'f32',
  },
  /** Of each plan offer: the probability of attending, and of accepting each plan if attended (NaN where not eligible). */
  offers: {
    customer: 'i32',
    serial: 'i32',
    attending: 'f32',
    ...(Object.fromEntries(Array.from({ length: 17 }, (_, j) => [`plan${j}`, 'f32'])) as Record<PlanColumn, 'f32'>),
  },
  /** Of each push: the probability of opening it, of clicking once open, and of opening the best and the most popular sale. */
  pushes: {
    customer: 'i32',
    serial: 'i32',
    open: 'f32',
    clickOnceOpen: 'f32',
    openBest: 'f32',
    openPopular: 'f32',
  },
  /** Of each discount: expected units and profit by arm, next month's loss taken off the profit. */
  discounts: {
    customer: 'i32',
    serial: 'i32',
    units0: 'f32',
    units20: 'f32',
    units25: 'f32',
    profit0: 'f32',
    profit20: 'f32',
    profit25: 'f32',
  },
} as const satisfies Record<string, TableColumns>

type PlanColumn = `plan${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16}`

export type OracleTable = keyof typeof oracleTables
