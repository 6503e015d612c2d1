// Generated from schemas/*.avsc by `pnpm generate`; do not edit.

export type CampaignDueType = 'campaign_due'

export type CampaignKind = 'campaign' | 'daily_sale' | 'price_change'

/** A campaign reached a customer: what concerns many customers at once, appended by one fan-out job. */
export type CampaignDue = {
  /** Tells the records of a union apart. */
  readonly type: CampaignDueType
  /** Derived from campaign and customer, so that a job that is run again repeats itself. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When the job reached the customer. */
  readonly at: number
  /** Name of the campaign; a kill switch of scope campaign names it. */
  readonly campaign: string
  readonly kind: CampaignKind
  /** What is on sale, or the plan whose price changes. */
  readonly item: null | string
  /** Of a price change: the price before, minor currency units. */
  readonly fromMinor: null | number
  /** Of a price change: the price from now on, minor currency units. */
  readonly toMinor: null | number
}

export type PastOffer = {
  readonly at: number
  readonly item: string
  readonly channel: string
  /** Whether it counts towards the caps: mandatory and transactional ones do not. */
  readonly capped: boolean
}

/** What a customer was offered: all that the scorer remembers of them. */
export type ContactHistory = {
  /** Of the newest offer; 0 before the first. */
  readonly sequence: number
  /** The newest few, oldest first. */
  readonly offered: readonly PastOffer[]
}

export type CustomerType = 'customer'

/** The profile of a customer as it stands from a moment on. */
export type Customer = {
  /** Tells the records of a union apart. */
  readonly type: CustomerType
  /** Unique per source; a repeat within 24 hours is the same event. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When it happened, milliseconds since the epoch. */
  readonly at: number
  /** Current plan in the catalogue. */
  readonly plan: null | string
  /** Tenure counts from here. */
  readonly customerSince: null | number
  readonly bindingEndsAt: null | number
  /** Has several products of the company. */
  readonly bundle: boolean
  /** Recurring charge, minor currency units. */
  readonly monthlyChargeMinor: number
  /** ISO 4217. */
  readonly currency: string
  readonly brand: string
  /** For example 25-34. */
  readonly ageBand: null | string
  /** IANA time zone; quiet hours go by it. */
  readonly zone: string
  /** BCP 47. */
  readonly locale: string
  readonly segment: null | string
  /** By channel (push) or channel and category (push/sales); a missing one means no. */
  readonly consent: Readonly<Record<string, boolean>>
  /** Opaque handles; addresses and keys live with the dispatcher. */
  readonly devices: readonly string[]
}

/** What the catalogue said of the item when the event was journalled. */
export type ItemStamp = {
  readonly known: boolean
  readonly kind: string
  readonly serviceType: string
  readonly category: string
  readonly brand: string
  readonly recurring: boolean
  readonly validityDays: null | number
  readonly listPriceMinor: null | number
  /** Data included; none means unlimited or unknown. On a customer's record the item is their plan. */
  readonly quotaKb: null | number
}

export type PurchaseType = 'purchase'

/** A customer bought a plan, package or product. */
export type Purchase = {
  /** Tells the records of a union apart. */
  readonly type: PurchaseType
  /** Unique per source; a repeat within 24 hours is the same event. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When it happened, milliseconds since the epoch. */
  readonly at: number
  /** Name in the catalogue; one the catalogue does not know is kept. */
  readonly item: string
  /** At least 1. */
  readonly quantity: number
  /** Paid for the whole line, in minor currency units. */
  readonly priceMinor: number
  /** ISO 4217. */
  readonly currency: string
  /** Where it was bought: app, web, shop, call-centre. */
  readonly channel: string
  /** Offer that the purchase answered, where the seller knows it. */
  readonly offer: null | string
}

export type PurchaseRetractedType = 'purchase_retracted'

/** A purchase was taken back; it repeats what the purchase said so that a fold can subtract it. */
export type PurchaseRetracted = {
  /** Tells the records of a union apart. */
  readonly type: PurchaseRetractedType
  /** Unique per source; a repeat within 24 hours is the same event. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When it happened, milliseconds since the epoch. */
  readonly at: number
  /** Id of the purchase. */
  readonly purchase: string
  /** When that purchase happened. */
  readonly purchasedAt: number
  readonly item: string
  readonly quantity: number
  /** As on the purchase. */
  readonly priceMinor: number
  /** ISO 4217. */
  readonly currency: string
  readonly channel: string
}

export type UsageType = 'usage'

export type UsageKind = 'data' | 'voice' | 'text'

/** Data, minutes or texts used. */
export type Usage = {
  /** Tells the records of a union apart. */
  readonly type: UsageType
  /** Unique per source; a repeat within 24 hours is the same event. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When it happened, milliseconds since the epoch. */
  readonly at: number
  readonly kind: UsageKind
  /** Kilobytes, for kind data. */
  readonly dataKb: number
  /** Seconds, for kind voice. */
  readonly seconds: number
  /** Messages, for kind text. */
  readonly texts: number
  /** Charged on top of the plan, minor currency units. */
  readonly overageMinor: number
  readonly roaming: boolean
}

export type EngagementType = 'engagement'

export type EngagementKind = 'displayed' | 'opened' | 'clicked' | 'dismissed' | 'rejected' | 'app_opened' | 'interaction' | 'unsubscribed'

export type Surface = 'push' | 'app_home' | 'shop' | 'call_centre' | 'email' | 'web' | 'other'

/** A customer saw, opened, clicked, dismissed or rejected something, opened the app, got in touch, or wants no more messages. */
export type Engagement = {
  /** Tells the records of a union apart. */
  readonly type: EngagementType
  /** Unique per source; a repeat within 24 hours is the same event. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When it happened, milliseconds since the epoch. */
  readonly at: number
  readonly kind: EngagementKind
  readonly surface: Surface
  /** Id of the offer it answers. */
  readonly offer: null | string
  /** Catalogue item it concerns. */
  readonly item: null | string
  /** Kind of interaction: complaint, question, technical, cancellation. */
  readonly interaction: null | string
}

export type DeliveryType = 'delivery'

export type DeliveryState = 'decided' | 'deferred' | 'suppressed' | 'expired' | 'superseded' | 'taken' | 'sending' | 'accepted' | 'rejected' | 'unknown' | 'displayed' | 'clicked'

/** What became of an offer on its way to the customer. */
export type Delivery = {
  /** Tells the records of a union apart. */
  readonly type: DeliveryType
  /** Unique per source; a repeat within 24 hours is the same event. */
  readonly id: string
  /** Pseudonym of the customer, the key of the topic. */
  readonly customer: string
  /** When it happened, milliseconds since the epoch. */
  readonly at: number
  readonly offer: string
  readonly item: string
  readonly channel: string
  readonly provider: null | string
  readonly state: DeliveryState
  /** A short fixed reason. */
  readonly reason: null | string
  /** Opaque handle. */
  readonly device: null | string
  /** Kind of the trigger behind the offer. */
  readonly trigger: string
}

export type TickType = 'tick'

/** The clock reached a minute; appended to every journal partition so that a replay sees time pass too. */
export type Tick = {
  /** Tells the records of a union apart. */
  readonly type: TickType
  readonly at: number
}

/** The journal: one fact about a customer, validated and stamped, in the one order that everything follows. */
export type CustomerEvent = {
  /** When intake appended it, by its clock. */
  readonly journalledAt: number
  /** False for imported history: features learn from it, no decision follows. */
  readonly triggers: boolean
  readonly item: null | ItemStamp
  readonly event: Purchase | PurchaseRetracted | Usage | Engagement | Customer | Delivery | Tick | CampaignDue
}

/** What made a decision due. */
export type Trigger = {
  readonly kind: string
  /** Id of the event; of a campaign its name; of a moment that came, what it concerns: the offer opened, the package. */
  readonly event: string
  readonly at: number
}

export type Rejection = {
  readonly item: string
  readonly at: number
}

/** What the newest profile says, as far as a decision needs it. */
export type CustomerFacts = {
  readonly plan: null | string
  readonly customerSince: null | number
  readonly bindingEndsAt: null | number
  readonly bundle: boolean
  readonly monthlyChargeMinor: number
  readonly currency: string
  readonly brand: string
  readonly ageBand: null | string
  readonly zone: string
  readonly locale: string
  readonly segment: null | string
  readonly consent: Readonly<Record<string, boolean>>
  readonly devices: readonly string[]
  /** The newest few. */
  readonly rejections: readonly Rejection[]
}

/** A trigger fired: which, when, the features as they stood, the facts a decision needs. */
export type FeatureUpdate = {
  /** Derived from the journal record that caused it. */
  readonly id: string
  readonly customer: string
  readonly at: number
  readonly trigger: Trigger
  /** Of the feature list. */
  readonly fingerprint: string
  /** In the order of the list; missing is NaN. */
  readonly features: readonly number[]
  readonly facts: CustomerFacts
}

export type Assignment = {
  readonly experiment: string
  readonly arm: string
}

export type ModelUsed = {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly stage: string
  /** Of a shadow: its score of each candidate, in their order, used for nothing; a canary's champion stands beside it so. Empty for a model that serves. */
  readonly scores: readonly (null | number)[]
  /** Of a model of customers: its probability. Rules and levers may ask for the one that serves. */
  readonly value: null | number
  /** Why it gave no score where it was to serve; the champion it stands in for served instead. */
  readonly failed: null | string
}

export type Candidate = {
  readonly item: string
  /** The first rule that refused it. */
  readonly refused: null | string
  /** Pair features as scored. */
  readonly pairs: readonly number[]
  /** Probability of acceptance, calibrated. */
  readonly score: null | number
  /** What offering it adds to that probability. */
  readonly uplift: null | number
  /** Expected value. */
  readonly valueMinor: null | number
  /** 1 is the best; none if refused. */
  readonly rank: null | number
  /** Probability that this action is chosen. */
  readonly propensity: number
}

export type Reservation = {
  readonly item: string
  /** stock/ITEM, or budget/NAME/FROM. */
  readonly resource: string
  readonly granted: boolean
}

export type BudgetSpent = {
  readonly name: string
  readonly spentMinor: number
}

/** The whole decision, offers and refusals alike. */
export type Decision = {
  /** The id of the update; one decision each. */
  readonly id: string
  readonly customer: string
  readonly at: number
  /** Offset of the newest playbook record known; -1 for none. */
  readonly playbookVersion: number
  readonly update: FeatureUpdate
  readonly arms: readonly Assignment[]
  readonly models: readonly ModelUsed[]
  /** In the order of the catalogue. */
  readonly candidates: readonly Candidate[]
  /** Answers to what was asked before the decision; a candidate with one refused is refused. */
  readonly reservations: readonly Reservation[]
  /** What had been spent, by budgets that cover a candidate. */
  readonly budgets: readonly BudgetSpent[]
  /** What the customer was offered before, as the decision saw it. */
  readonly history: ContactHistory
  /** Item; none when no offer is made. */
  readonly chosen: null | string
  /** Of the chosen action, no offer among them, after eligibility. */
  readonly propensity: number
  /** Of making no offer; with those of the candidates it adds up to 1. */
  readonly noOfferPropensity: number
  readonly explored: boolean
  /** In [0, 1), from a hash of the id. */
  readonly draw: number
  /** Why it was chosen, or why there is none. */
  readonly reason: string
  /** Of the offer, per customer, rising. */
  readonly sequence: null | number
  readonly expiresAt: null | number
  readonly channel: null | string
}

/** The offer to make: self-contained and small, for any subscriber. */
export type NextBestOffer = {
  /** The id of the decision; drop repeats by it. */
  readonly id: string
  readonly customer: string
  readonly at: number
  /** Per customer, rising; a later one supersedes. */
  readonly sequence: number
  readonly item: string
  readonly kind: string
  readonly category: string
  readonly brand: string
  readonly priceMinor: number
  /** ISO 4217. */
  readonly currency: string
  readonly channel: string
  /** Message in the customer's locale. */
  readonly text: string
  readonly locale: string
  readonly zone: string
  readonly reasons: readonly string[]
  readonly expiresAt: number
  readonly trigger: Trigger
  /** none, mandatory or transactional, as in the catalogue. */
  readonly obligation: string
  readonly needsConsent: boolean
}

export type CatalogueItemType = 'item'

export type ItemKind = 'plan' | 'package' | 'sale' | 'discount'

export type ItemObligation = 'none' | 'mandatory' | 'transactional'

/** Something that can be offered. */
export type CatalogueItem = {
  /** Tells the records of a union apart. */
  readonly type: CatalogueItemType
  readonly name: string
  readonly kind: ItemKind
  /** List price, minor currency units. */
  readonly priceMinor: number
  /** ISO 4217. */
  readonly currency: string
  /** Earned when it is taken, minor currency units. */
  readonly marginMinor: number
  /** Data included; none means unlimited. */
  readonly quotaKb: null | number
  /** Minutes included; none means unlimited. */
  readonly minutes: null | number
  /** Texts included; none means unlimited. */
  readonly texts: null | number
  readonly overageMinorPerGb: number
  readonly overageMinorPerMinute: number
  readonly overageMinorPerText: number
  readonly speedKbps: null | number
  /** mobile-data, voice, roaming, retail. */
  readonly serviceType: string
  readonly recurring: boolean
  readonly validityDays: null | number
  readonly category: string
  readonly brand: string
  /** Message by locale. */
  readonly text: Readonly<Record<string, string>>
  /** Where it may be offered. */
  readonly channels: readonly string[]
  readonly availableFrom: null | number
  readonly availableTo: null | number
  readonly stock: null | number
  readonly withdrawn: boolean
  /** What it costs when it is taken, minor currency units: the reduction a discount gives. */
  readonly costMinor: number
  /** A mandatory or transactional item goes before every offer and past marketing's caps; a transactional one also past quiet hours. */
  readonly obligation: ItemObligation
  /** Whether the law wants consent for a mandatory or transactional item too; others always need it. */
  readonly needsConsent: boolean
  /** Where a click on an offer of it leads, https; none leads to a page that says no more than thank you. */
  readonly link: null | string
}

export type RuleType = 'rule'

export type PredicateSubject = 'feature' | 'item' | 'customer' | 'trigger' | 'time' | 'group' | 'score'

export type PredicateOperator = 'lt' | 'le' | 'eq' | 'ne' | 'ge' | 'gt' | 'in' | 'not_in' | 'missing' | 'all' | 'any' | 'none'

/** A typed comparison, or a group of them; a rule refuses when all of its predicates hold. A value that is missing makes neither a comparison nor its opposite hold. */
export type Predicate = {
  /** What it looks at; a group looks at its members. */
  readonly subject: PredicateSubject
  readonly field: string
  readonly operator: PredicateOperator
  /** For lt, le, eq, ne, ge, gt. */
  readonly number: null | number
  /** For eq and ne. */
  readonly text: null | string
  /** For in and not_in. */
  readonly numbers: readonly number[]
  /** For in and not_in. */
  readonly texts: readonly string[]
  /** Members of a group: all, any or none of them. */
  readonly of: readonly Predicate[]
}

/** Refuses candidates for which every predicate holds. */
export type Rule = {
  /** Tells the records of a union apart. */
  readonly type: RuleType
  readonly name: string
  /** Short reason, kept on each refusal. */
  readonly why: string
  readonly active: boolean
  readonly when: readonly Predicate[]
}

export type LeverType = 'lever'

/** Multiplies the expected value of what it names. */
export type Lever = {
  /** Tells the records of a union apart. */
  readonly type: LeverType
  readonly name: string
  readonly item: null | string
  readonly category: null | string
  readonly factor: number
  readonly active: boolean
  /** A model of customers: its score multiplies too; of a customer it does not score the lever says nothing. */
  readonly score: null | string
}

export type BudgetType = 'budget'

export type Budget = {
  /** Tells the records of a union apart. */
  readonly type: BudgetType
  readonly name: string
  readonly item: null | string
  readonly category: null | string
  readonly amountMinor: number
  /** ISO 4217. */
  readonly currency: string
  readonly from: null | number
  readonly to: null | number
}

export type ExperimentType = 'experiment'

export type ArmPolicy = 'champion' | 'random_eligible' | 'propensity_only' | 'no_levers' | 'rules_only' | 'no_offer'

export type Arm = {
  readonly name: string
  /** Shares add up to 1. */
  readonly share: number
  readonly policy: ArmPolicy
}

export type Experiment = {
  /** Tells the records of a union apart. */
  readonly type: ExperimentType
  readonly name: string
  readonly active: boolean
  readonly from: null | number
  readonly to: null | number
  readonly arms: readonly Arm[]
}

export type ModelPromotionType = 'model'

export type ModelStage = 'champion' | 'canary' | 'shadow' | 'retired'

/** What a canary, or a new champion for a while, must keep to; the scorer retires it when it does not. */
export type Guardrails = {
  /** Whether a guardrail that trips retires it. */
  readonly active: boolean
  /** Chance that one of them trips though its bound is kept, however often it is looked at. */
  readonly error: number
  /** Of decisions that it was to score, at most so many without a score. */
  readonly failedShare: number
  /** Its mean probability and the other version's, of the same candidates: the larger at most so many times the smaller. */
  readonly meanRatio: number
  /** Its scores lie at least this share as far apart as the other version's of the same candidates. */
  readonly spreadShare: number
  /** Offers per decision, against the champion's customers: the larger at most so many times the smaller. */
  readonly offerRatio: number
  /** Purchases per offer, at least this share of the champion's. */
  readonly acceptanceRatio: number
  /** Explicit rejections per offer, at most so many times the champion's. */
  readonly rejectionRatio: number
  /** Of its rows, at most so many scored by the second implementation. */
  readonly fallbackShare: number
  /** How long a new champion is held against the one before it. */
  readonly watchHours: number
}

export type ModelPromotion = {
  /** Tells the records of a union apart. */
  readonly type: ModelPromotionType
  /** Model, as in the registry folder. */
  readonly name: string
  readonly version: string
  readonly stage: ModelStage
  /** Of customers, for a canary. */
  readonly share: number
  readonly sha256: string
  /** Whether it is being learned from these decisions: at least a tenth of them then explores. */
  readonly learning: boolean
  /** Why, in words: the guardrail that tripped, with its figures. */
  readonly reason: string
  readonly guardrails: Guardrails
}

export type KillSwitchType = 'kill_switch'

export type KillScope = 'global' | 'campaign' | 'provider' | 'item'

export type KillSwitch = {
  /** Tells the records of a union apart. */
  readonly type: KillSwitchType
  readonly name: string
  readonly scope: KillScope
  readonly target: null | string
  readonly on: boolean
}

export type ContactPolicyType = 'contact_policy'

/** How often, when and how offers are made. */
export type ContactPolicy = {
  /** Tells the records of a union apart. */
  readonly type: ContactPolicyType
  readonly name: string
  /** Share of decisions drawn uniformly from the eligible actions. */
  readonly explorationShare: number
  /** Between two offers to one customer. */
  readonly minimumGapMinutes: number
  readonly offersPerWeek: number
  readonly offersPerCategoryPerWeek: number
  /** Before the same item is offered again. */
  readonly sameItemGapDays: number
  readonly rejectionCoolDownDays: number
  /** Local hour at which quiet hours begin. */
  readonly quietFromHour: number
  /** Local hour at which they end. */
  readonly quietToHour: number
  /** An offer expires after so long. */
  readonly validHours: number
  /** Largest price step against the current charge, as a share. */
  readonly priceStepShare: number
  /** Below this expected value there is no offer. */
  readonly minimumValueMinor: number
  /** By channel; one that is not named has no cap of its own. */
  readonly offersPerChannelPerWeek: Readonly<Record<string, number>>
  /** Within 30 days. */
  readonly offersPerItemPerMonth: number
  /** Categories whose offers are dropped in quiet hours; those of every other wait for the end. */
  readonly cancelledWhenQuiet: readonly string[]
  /** What waited for the end of quiet hours goes out within so long, each offer at a moment of its own. */
  readonly releaseSpreadMinutes: number
  /** By campaign, a kind of trigger or the event behind one; one that is not named goes at full speed. */
  readonly campaignOffersPerMinute: Readonly<Record<string, number>>
}

/** One change of what decisions go by; its offset is a playbook version. */
export type PlaybookRecord = {
  readonly at: number
  readonly body: CatalogueItem | Rule | Lever | Budget | Experiment | ModelPromotion | KillSwitch | ContactPolicy
}

/** Every record by the name of its file. */
export type Records = {
  readonly 'campaign-due': CampaignDue
  readonly 'contact-history': ContactHistory
  readonly 'customer': Customer
  readonly 'customer-event': CustomerEvent
  readonly 'decision': Decision
  readonly 'delivery': Delivery
  readonly 'engagement': Engagement
  readonly 'feature-update': FeatureUpdate
  readonly 'next-best-offer': NextBestOffer
  readonly 'playbook': PlaybookRecord
  readonly 'purchase': Purchase
  readonly 'purchase-retracted': PurchaseRetracted
  readonly 'tick': Tick
  readonly 'trigger': Trigger
  readonly 'usage': Usage
}

/** What each record holds where nothing is said, by its schema; spread it first, then the fields that are said. */
export const defaults: {
  readonly CampaignDue: Pick<CampaignDue, 'type' | 'kind' | 'item' | 'fromMinor' | 'toMinor'>
  readonly PastOffer: Pick<PastOffer, 'channel' | 'capped'>
  readonly ContactHistory: Pick<ContactHistory, 'offered'>
  readonly Customer: Pick<Customer, 'type' | 'plan' | 'customerSince' | 'bindingEndsAt' | 'bundle' | 'monthlyChargeMinor' | 'currency' | 'brand' | 'ageBand' | 'zone' | 'locale' | 'segment' | 'consent' | 'devices'>
  readonly ItemStamp: Pick<ItemStamp, 'kind' | 'serviceType' | 'category' | 'brand' | 'recurring' | 'validityDays' | 'listPriceMinor' | 'quotaKb'>
  readonly Purchase: Pick<Purchase, 'type' | 'quantity' | 'channel' | 'offer'>
  readonly PurchaseRetracted: Pick<PurchaseRetracted, 'type' | 'quantity' | 'channel'>
  readonly Usage: Pick<Usage, 'type' | 'dataKb' | 'seconds' | 'texts' | 'overageMinor' | 'roaming'>
  readonly Engagement: Pick<Engagement, 'type' | 'offer' | 'item' | 'interaction'>
  readonly Delivery: Pick<Delivery, 'type' | 'provider' | 'reason' | 'device' | 'trigger'>
  readonly Tick: Pick<Tick, 'type'>
  readonly CustomerEvent: Pick<CustomerEvent, 'triggers' | 'item'>
  readonly CustomerFacts: Pick<CustomerFacts, 'plan' | 'customerSince' | 'bindingEndsAt' | 'bundle' | 'monthlyChargeMinor' | 'currency' | 'brand' | 'ageBand' | 'zone' | 'locale' | 'segment' | 'consent' | 'devices' | 'rejections'>
  readonly ModelUsed: Pick<ModelUsed, 'scores' | 'value' | 'failed'>
  readonly Candidate: Pick<Candidate, 'refused' | 'pairs' | 'score' | 'uplift' | 'valueMinor' | 'rank' | 'propensity'>
  readonly Reservation: Pick<Reservation, 'resource'>
  readonly Decision: Pick<Decision, 'reservations' | 'budgets' | 'chosen' | 'noOfferPropensity' | 'sequence' | 'expiresAt' | 'channel'>
  readonly NextBestOffer: Pick<NextBestOffer, 'category' | 'brand' | 'locale' | 'zone' | 'reasons' | 'obligation' | 'needsConsent'>
  readonly CatalogueItem: Pick<CatalogueItem, 'type' | 'quotaKb' | 'minutes' | 'texts' | 'overageMinorPerGb' | 'overageMinorPerMinute' | 'overageMinorPerText' | 'speedKbps' | 'serviceType' | 'recurring' | 'validityDays' | 'category' | 'brand' | 'text' | 'channels' | 'availableFrom' | 'availableTo' | 'stock' | 'withdrawn' | 'costMinor' | 'obligation' | 'needsConsent' | 'link'>
  readonly Predicate: Pick<Predicate, 'subject' | 'field' | 'number' | 'text' | 'numbers' | 'texts' | 'of'>
  readonly Rule: Pick<Rule, 'type' | 'active'>
  readonly Lever: Pick<Lever, 'type' | 'item' | 'category' | 'active' | 'score'>
  readonly Budget: Pick<Budget, 'type' | 'item' | 'category' | 'from' | 'to'>
  readonly Arm: Pick<Arm, 'policy'>
  readonly Experiment: Pick<Experiment, 'type' | 'active' | 'from' | 'to'>
  readonly Guardrails: Pick<Guardrails, 'active' | 'error' | 'failedShare' | 'meanRatio' | 'spreadShare' | 'offerRatio' | 'acceptanceRatio' | 'rejectionRatio' | 'fallbackShare' | 'watchHours'>
  readonly ModelPromotion: Pick<ModelPromotion, 'type' | 'share' | 'learning' | 'reason' | 'guardrails'>
  readonly KillSwitch: Pick<KillSwitch, 'type' | 'target'>
  readonly ContactPolicy: Pick<ContactPolicy, 'type' | 'explorationShare' | 'minimumGapMinutes' | 'offersPerWeek' | 'offersPerCategoryPerWeek' | 'sameItemGapDays' | 'rejectionCoolDownDays' | 'quietFromHour' | 'quietToHour' | 'validHours' | 'priceStepShare' | 'minimumValueMinor' | 'offersPerChannelPerWeek' | 'offersPerItemPerMonth' | 'cancelledWhenQuiet' | 'releaseSpreadMinutes' | 'campaignOffersPerMinute'>
} = {
  CampaignDue: { type: "campaign_due", kind: "campaign", item: null, fromMinor: null, toMinor: null },
  PastOffer: { channel: "", capped: true },
  ContactHistory: { offered: [] },
  Customer: { type: "customer", plan: null, customerSince: null, bindingEndsAt: null, bundle: false, monthlyChargeMinor: 0, currency: "USD", brand: "", ageBand: null, zone: "UTC", locale: "en", segment: null, consent: {}, devices: [] },
  ItemStamp: { kind: "", serviceType: "", category: "", brand: "", recurring: false, validityDays: null, listPriceMinor: null, quotaKb: null },
  Purchase: { type: "purchase", quantity: 1, channel: "unknown", offer: null },
  PurchaseRetracted: { type: "purchase_retracted", quantity: 1, channel: "unknown" },
  Usage: { type: "usage", dataKb: 0, seconds: 0, texts: 0, overageMinor: 0, roaming: false },
  Engagement: { type: "engagement", offer: null, item: null, interaction: null },
  Delivery: { type: "delivery", provider: null, reason: null, device: null, trigger: "" },
  Tick: { type: "tick" },
  CustomerEvent: { triggers: true, item: null },
  CustomerFacts: { plan: null, customerSince: null, bindingEndsAt: null, bundle: false, monthlyChargeMinor: 0, currency: "USD", brand: "", ageBand: null, zone: "UTC", locale: "en", segment: null, consent: {}, devices: [], rejections: [] },
  ModelUsed: { scores: [], value: null, failed: null },
  Candidate: { refused: null, pairs: [], score: null, uplift: null, valueMinor: null, rank: null, propensity: 0 },
  Reservation: { resource: "" },
  Decision: { reservations: [], budgets: [], chosen: null, noOfferPropensity: 0, sequence: null, expiresAt: null, channel: null },
  NextBestOffer: { category: "", brand: "", locale: "en", zone: "UTC", reasons: [], obligation: "none", needsConsent: true },
  CatalogueItem: { type: "item", quotaKb: null, minutes: null, texts: null, overageMinorPerGb: 0, overageMinorPerMinute: 0, overageMinorPerText: 0, speedKbps: null, serviceType: "", recurring: false, validityDays: null, category: "", brand: "", text: {}, channels: ["push"], availableFrom: null, availableTo: null, stock: null, withdrawn: false, costMinor: 0, obligation: "none", needsConsent: true, link: null },
  Predicate: { subject: "group", field: "", number: null, text: null, numbers: [], texts: [], of: [] },
  Rule: { type: "rule", active: true },
  Lever: { type: "lever", item: null, category: null, active: true, score: null },
  Budget: { type: "budget", item: null, category: null, from: null, to: null },
  Arm: { policy: "champion" },
  Experiment: { type: "experiment", active: true, from: null, to: null },
  Guardrails: { active: true, error: 0.001, failedShare: 0.01, meanRatio: 2, spreadShare: 0.1, offerRatio: 2, acceptanceRatio: 0.8, rejectionRatio: 1.25, fallbackShare: 0.5, watchHours: 24 },
  ModelPromotion: { type: "model", share: 1, learning: false, reason: "", guardrails: {"active":true,"error":0.001,"failedShare":0.01,"meanRatio":2,"spreadShare":0.1,"offerRatio":2,"acceptanceRatio":0.8,"rejectionRatio":1.25,"fallbackShare":0.5,"watchHours":24} },
  KillSwitch: { type: "kill_switch", target: null },
  ContactPolicy: { type: "contact_policy", explorationShare: 0.1, minimumGapMinutes: 1440, offersPerWeek: 3, offersPerCategoryPerWeek: 3, sameItemGapDays: 7, rejectionCoolDownDays: 30, quietFromHour: 21, quietToHour: 8, validHours: 24, priceStepShare: 1, minimumValueMinor: 0, offersPerChannelPerWeek: {}, offersPerItemPerMonth: 5, cancelledWhenQuiet: [], releaseSpreadMinutes: 15, campaignOffersPerMinute: {} },
}

/** The schemas, each standing alone as the registry gets it. */
export const schemas: { readonly [Name in keyof Records]: string } = {
  'campaign-due': "{\"type\":\"record\",\"name\":\"CampaignDue\",\"namespace\":\"offerstream\",\"doc\":\"A campaign reached a customer: what concerns many customers at once, appended by one fan-out job.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"CampaignDueType\",\"symbols\":[\"campaign_due\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"campaign_due\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Derived from campaign and customer, so that a job that is run again repeats itself.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the job reached the customer.\"},{\"name\":\"campaign\",\"type\":\"string\",\"doc\":\"Name of the campaign; a kill switch of scope campaign names it.\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"CampaignKind\",\"symbols\":[\"campaign\",\"daily_sale\",\"price_change\"],\"default\":\"campaign\"},\"default\":\"campaign\"},{\"name\":\"item\",\"type\":[\"null\",\"string\"],\"doc\":\"What is on sale, or the plan whose price changes.\",\"default\":null},{\"name\":\"fromMinor\",\"type\":[\"null\",\"long\"],\"doc\":\"Of a price change: the price before, minor currency units.\",\"default\":null},{\"name\":\"toMinor\",\"type\":[\"null\",\"long\"],\"doc\":\"Of a price change: the price from now on, minor currency units.\",\"default\":null}]}",
  'contact-history': "{\"type\":\"record\",\"name\":\"ContactHistory\",\"namespace\":\"offerstream\",\"doc\":\"What a customer was offered: all that the scorer remembers of them.\",\"fields\":[{\"name\":\"sequence\",\"type\":\"long\",\"doc\":\"Of the newest offer; 0 before the first.\"},{\"name\":\"offered\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"PastOffer\",\"fields\":[{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"channel\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"capped\",\"type\":\"boolean\",\"doc\":\"Whether it counts towards the caps: mandatory and transactional ones do not.\",\"default\":true}]}},\"doc\":\"The newest few, oldest first.\",\"default\":[]}]}",
  'customer': "{\"type\":\"record\",\"name\":\"Customer\",\"namespace\":\"offerstream\",\"doc\":\"The profile of a customer as it stands from a moment on.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"CustomerType\",\"symbols\":[\"customer\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"customer\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"plan\",\"type\":[\"null\",\"string\"],\"doc\":\"Current plan in the catalogue.\",\"default\":null},{\"name\":\"customerSince\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"Tenure counts from here.\",\"default\":null},{\"name\":\"bindingEndsAt\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"bundle\",\"type\":\"boolean\",\"doc\":\"Has several products of the company.\",\"default\":false},{\"name\":\"monthlyChargeMinor\",\"type\":\"long\",\"doc\":\"Recurring charge, minor currency units.\",\"default\":0},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\",\"default\":\"USD\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"ageBand\",\"type\":[\"null\",\"string\"],\"doc\":\"For example 25-34.\",\"default\":null},{\"name\":\"zone\",\"type\":\"string\",\"doc\":\"IANA time zone; quiet hours go by it.\",\"default\":\"UTC\"},{\"name\":\"locale\",\"type\":\"string\",\"doc\":\"BCP 47.\",\"default\":\"en\"},{\"name\":\"segment\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"consent\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"},\"doc\":\"By channel (push) or channel and category (push/sales); a missing one means no.\",\"default\":{}},{\"name\":\"devices\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"Opaque handles; addresses and keys live with the dispatcher.\",\"default\":[]}]}",
  'customer-event': "{\"type\":\"record\",\"name\":\"CustomerEvent\",\"namespace\":\"offerstream\",\"doc\":\"The journal: one fact about a customer, validated and stamped, in the one order that everything follows.\",\"fields\":[{\"name\":\"journalledAt\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When intake appended it, by its clock.\"},{\"name\":\"triggers\",\"type\":\"boolean\",\"doc\":\"False for imported history: features learn from it, no decision follows.\",\"default\":true},{\"name\":\"item\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"ItemStamp\",\"doc\":\"What the catalogue said of the item when the event was journalled.\",\"fields\":[{\"name\":\"known\",\"type\":\"boolean\"},{\"name\":\"kind\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"serviceType\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"category\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"recurring\",\"type\":\"boolean\",\"default\":false},{\"name\":\"validityDays\",\"type\":[\"null\",\"int\"],\"default\":null},{\"name\":\"listPriceMinor\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"quotaKb\",\"type\":[\"null\",\"long\"],\"doc\":\"Data included; none means unlimited or unknown. On a customer's record the item is their plan.\",\"default\":null}]}],\"default\":null},{\"name\":\"event\",\"type\":[{\"type\":\"record\",\"name\":\"Purchase\",\"namespace\":\"offerstream\",\"doc\":\"A customer bought a plan, package or product.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"PurchaseType\",\"symbols\":[\"purchase\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"purchase\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"item\",\"type\":\"string\",\"doc\":\"Name in the catalogue; one the catalogue does not know is kept.\"},{\"name\":\"quantity\",\"type\":\"int\",\"doc\":\"At least 1.\",\"default\":1},{\"name\":\"priceMinor\",\"type\":\"long\",\"doc\":\"Paid for the whole line, in minor currency units.\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"channel\",\"type\":\"string\",\"doc\":\"Where it was bought: app, web, shop, call-centre.\",\"default\":\"unknown\"},{\"name\":\"offer\",\"type\":[\"null\",\"string\"],\"doc\":\"Offer that the purchase answered, where the seller knows it.\",\"default\":null}]},{\"type\":\"record\",\"name\":\"PurchaseRetracted\",\"namespace\":\"offerstream\",\"doc\":\"A purchase was taken back; it repeats what the purchase said so that a fold can subtract it.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"PurchaseRetractedType\",\"symbols\":[\"purchase_retracted\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"purchase_retracted\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"purchase\",\"type\":\"string\",\"doc\":\"Id of the purchase.\"},{\"name\":\"purchasedAt\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When that purchase happened.\"},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"quantity\",\"type\":\"int\",\"default\":1},{\"name\":\"priceMinor\",\"type\":\"long\",\"doc\":\"As on the purchase.\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"channel\",\"type\":\"string\",\"default\":\"unknown\"}]},{\"type\":\"record\",\"name\":\"Usage\",\"namespace\":\"offerstream\",\"doc\":\"Data, minutes or texts used.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"UsageType\",\"symbols\":[\"usage\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"usage\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"UsageKind\",\"symbols\":[\"data\",\"voice\",\"text\"]}},{\"name\":\"dataKb\",\"type\":\"long\",\"doc\":\"Kilobytes, for kind data.\",\"default\":0},{\"name\":\"seconds\",\"type\":\"long\",\"doc\":\"Seconds, for kind voice.\",\"default\":0},{\"name\":\"texts\",\"type\":\"int\",\"doc\":\"Messages, for kind text.\",\"default\":0},{\"name\":\"overageMinor\",\"type\":\"long\",\"doc\":\"Charged on top of the plan, minor currency units.\",\"default\":0},{\"name\":\"roaming\",\"type\":\"boolean\",\"default\":false}]},{\"type\":\"record\",\"name\":\"Engagement\",\"namespace\":\"offerstream\",\"doc\":\"A customer saw, opened, clicked, dismissed or rejected something, opened the app, got in touch, or wants no more messages.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"EngagementType\",\"symbols\":[\"engagement\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"engagement\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"EngagementKind\",\"symbols\":[\"displayed\",\"opened\",\"clicked\",\"dismissed\",\"rejected\",\"app_opened\",\"interaction\",\"unsubscribed\"]}},{\"name\":\"surface\",\"type\":{\"type\":\"enum\",\"name\":\"Surface\",\"symbols\":[\"push\",\"app_home\",\"shop\",\"call_centre\",\"email\",\"web\",\"other\"],\"default\":\"other\"}},{\"name\":\"offer\",\"type\":[\"null\",\"string\"],\"doc\":\"Id of the offer it answers.\",\"default\":null},{\"name\":\"item\",\"type\":[\"null\",\"string\"],\"doc\":\"Catalogue item it concerns.\",\"default\":null},{\"name\":\"interaction\",\"type\":[\"null\",\"string\"],\"doc\":\"Kind of interaction: complaint, question, technical, cancellation.\",\"default\":null}]},{\"type\":\"record\",\"name\":\"Customer\",\"namespace\":\"offerstream\",\"doc\":\"The profile of a customer as it stands from a moment on.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"CustomerType\",\"symbols\":[\"customer\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"customer\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"plan\",\"type\":[\"null\",\"string\"],\"doc\":\"Current plan in the catalogue.\",\"default\":null},{\"name\":\"customerSince\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"doc\":\"Tenure counts from here.\",\"default\":null},{\"name\":\"bindingEndsAt\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"bundle\",\"type\":\"boolean\",\"doc\":\"Has several products of the company.\",\"default\":false},{\"name\":\"monthlyChargeMinor\",\"type\":\"long\",\"doc\":\"Recurring charge, minor currency units.\",\"default\":0},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\",\"default\":\"USD\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"ageBand\",\"type\":[\"null\",\"string\"],\"doc\":\"For example 25-34.\",\"default\":null},{\"name\":\"zone\",\"type\":\"string\",\"doc\":\"IANA time zone; quiet hours go by it.\",\"default\":\"UTC\"},{\"name\":\"locale\",\"type\":\"string\",\"doc\":\"BCP 47.\",\"default\":\"en\"},{\"name\":\"segment\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"consent\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"},\"doc\":\"By channel (push) or channel and category (push/sales); a missing one means no.\",\"default\":{}},{\"name\":\"devices\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"Opaque handles; addresses and keys live with the dispatcher.\",\"default\":[]}]},{\"type\":\"record\",\"name\":\"Delivery\",\"namespace\":\"offerstream\",\"doc\":\"What became of an offer on its way to the customer.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"DeliveryType\",\"symbols\":[\"delivery\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"delivery\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"offer\",\"type\":\"string\"},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"channel\",\"type\":\"string\"},{\"name\":\"provider\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"state\",\"type\":{\"type\":\"enum\",\"name\":\"DeliveryState\",\"symbols\":[\"decided\",\"deferred\",\"suppressed\",\"expired\",\"superseded\",\"taken\",\"sending\",\"accepted\",\"rejected\",\"unknown\",\"displayed\",\"clicked\"]}},{\"name\":\"reason\",\"type\":[\"null\",\"string\"],\"doc\":\"A short fixed reason.\",\"default\":null},{\"name\":\"device\",\"type\":[\"null\",\"string\"],\"doc\":\"Opaque handle.\",\"default\":null},{\"name\":\"trigger\",\"type\":\"string\",\"doc\":\"Kind of the trigger behind the offer.\",\"default\":\"\"}]},{\"type\":\"record\",\"name\":\"Tick\",\"namespace\":\"offerstream\",\"doc\":\"The clock reached a minute; appended to every journal partition so that a replay sees time pass too.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"TickType\",\"symbols\":[\"tick\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"tick\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]},{\"type\":\"record\",\"name\":\"CampaignDue\",\"namespace\":\"offerstream\",\"doc\":\"A campaign reached a customer: what concerns many customers at once, appended by one fan-out job.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"CampaignDueType\",\"symbols\":[\"campaign_due\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"campaign_due\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Derived from campaign and customer, so that a job that is run again repeats itself.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When the job reached the customer.\"},{\"name\":\"campaign\",\"type\":\"string\",\"doc\":\"Name of the campaign; a kill switch of scope campaign names it.\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"CampaignKind\",\"symbols\":[\"campaign\",\"daily_sale\",\"price_change\"],\"default\":\"campaign\"},\"default\":\"campaign\"},{\"name\":\"item\",\"type\":[\"null\",\"string\"],\"doc\":\"What is on sale, or the plan whose price changes.\",\"default\":null},{\"name\":\"fromMinor\",\"type\":[\"null\",\"long\"],\"doc\":\"Of a price change: the price before, minor currency units.\",\"default\":null},{\"name\":\"toMinor\",\"type\":[\"null\",\"long\"],\"doc\":\"Of a price change: the price from now on, minor currency units.\",\"default\":null}]}]}]}",
  'decision': "{\"type\":\"record\",\"name\":\"Decision\",\"namespace\":\"offerstream\",\"doc\":\"The whole decision, offers and refusals alike.\",\"fields\":[{\"name\":\"id\",\"type\":\"string\",\"doc\":\"The id of the update; one decision each.\"},{\"name\":\"customer\",\"type\":\"string\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"playbookVersion\",\"type\":\"long\",\"doc\":\"Offset of the newest playbook record known; -1 for none.\"},{\"name\":\"update\",\"type\":{\"type\":\"record\",\"name\":\"FeatureUpdate\",\"namespace\":\"offerstream\",\"doc\":\"A trigger fired: which, when, the features as they stood, the facts a decision needs.\",\"fields\":[{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Derived from the journal record that caused it.\"},{\"name\":\"customer\",\"type\":\"string\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"trigger\",\"type\":{\"type\":\"record\",\"name\":\"Trigger\",\"namespace\":\"offerstream\",\"doc\":\"What made a decision due.\",\"fields\":[{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"event\",\"type\":\"string\",\"doc\":\"Id of the event; of a campaign its name; of a moment that came, what it concerns: the offer opened, the package.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}},{\"name\":\"fingerprint\",\"type\":\"string\",\"doc\":\"Of the feature list.\"},{\"name\":\"features\",\"type\":{\"type\":\"array\",\"items\":\"float\"},\"doc\":\"In the order of the list; missing is NaN.\"},{\"name\":\"facts\",\"type\":{\"type\":\"record\",\"name\":\"CustomerFacts\",\"doc\":\"What the newest profile says, as far as a decision needs it.\",\"fields\":[{\"name\":\"plan\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"customerSince\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"bindingEndsAt\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"bundle\",\"type\":\"boolean\",\"default\":false},{\"name\":\"monthlyChargeMinor\",\"type\":\"long\",\"default\":0},{\"name\":\"currency\",\"type\":\"string\",\"default\":\"USD\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"ageBand\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"zone\",\"type\":\"string\",\"default\":\"UTC\"},{\"name\":\"locale\",\"type\":\"string\",\"default\":\"en\"},{\"name\":\"segment\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"consent\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"},\"default\":{}},{\"name\":\"devices\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]},{\"name\":\"rejections\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Rejection\",\"fields\":[{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}},\"doc\":\"The newest few.\",\"default\":[]}]}}]}},{\"name\":\"arms\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Assignment\",\"fields\":[{\"name\":\"experiment\",\"type\":\"string\"},{\"name\":\"arm\",\"type\":\"string\"}]}}},{\"name\":\"models\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"ModelUsed\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"},{\"name\":\"sha256\",\"type\":\"string\"},{\"name\":\"stage\",\"type\":\"string\"},{\"name\":\"scores\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"double\"]},\"doc\":\"Of a shadow: its score of each candidate, in their order, used for nothing; a canary's champion stands beside it so. Empty for a model that serves.\",\"default\":[]},{\"name\":\"value\",\"type\":[\"null\",\"double\"],\"doc\":\"Of a model of customers: its probability. Rules and levers may ask for the one that serves.\",\"default\":null},{\"name\":\"failed\",\"type\":[\"null\",\"string\"],\"doc\":\"Why it gave no score where it was to serve; the champion it stands in for served instead.\",\"default\":null}]}}},{\"name\":\"candidates\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Candidate\",\"fields\":[{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"refused\",\"type\":[\"null\",\"string\"],\"doc\":\"The first rule that refused it.\",\"default\":null},{\"name\":\"pairs\",\"type\":{\"type\":\"array\",\"items\":\"float\"},\"doc\":\"Pair features as scored.\",\"default\":[]},{\"name\":\"score\",\"type\":[\"null\",\"double\"],\"doc\":\"Probability of acceptance, calibrated.\",\"default\":null},{\"name\":\"uplift\",\"type\":[\"null\",\"double\"],\"doc\":\"What offering it adds to that probability.\",\"default\":null},{\"name\":\"valueMinor\",\"type\":[\"null\",\"double\"],\"doc\":\"Expected value.\",\"default\":null},{\"name\":\"rank\",\"type\":[\"null\",\"int\"],\"doc\":\"1 is the best; none if refused.\",\"default\":null},{\"name\":\"propensity\",\"type\":\"double\",\"doc\":\"Probability that this action is chosen.\",\"default\":0}]}},\"doc\":\"In the order of the catalogue.\"},{\"name\":\"reservations\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Reservation\",\"fields\":[{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"resource\",\"type\":\"string\",\"doc\":\"stock/ITEM, or budget/NAME/FROM.\",\"default\":\"\"},{\"name\":\"granted\",\"type\":\"boolean\"}]}},\"default\":[],\"doc\":\"Answers to what was asked before the decision; a candidate with one refused is refused.\"},{\"name\":\"budgets\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"BudgetSpent\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"spentMinor\",\"type\":\"long\"}]}},\"doc\":\"What had been spent, by budgets that cover a candidate.\",\"default\":[]},{\"name\":\"history\",\"type\":{\"type\":\"record\",\"name\":\"ContactHistory\",\"namespace\":\"offerstream\",\"doc\":\"What a customer was offered: all that the scorer remembers of them.\",\"fields\":[{\"name\":\"sequence\",\"type\":\"long\",\"doc\":\"Of the newest offer; 0 before the first.\"},{\"name\":\"offered\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"PastOffer\",\"fields\":[{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"channel\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"capped\",\"type\":\"boolean\",\"doc\":\"Whether it counts towards the caps: mandatory and transactional ones do not.\",\"default\":true}]}},\"doc\":\"The newest few, oldest first.\",\"default\":[]}]},\"doc\":\"What the customer was offered before, as the decision saw it.\"},{\"name\":\"chosen\",\"type\":[\"null\",\"string\"],\"doc\":\"Item; none when no offer is made.\",\"default\":null},{\"name\":\"propensity\",\"type\":\"double\",\"doc\":\"Of the chosen action, no offer among them, after eligibility.\"},{\"name\":\"noOfferPropensity\",\"type\":\"double\",\"doc\":\"Of making no offer; with those of the candidates it adds up to 1.\",\"default\":0},{\"name\":\"explored\",\"type\":\"boolean\"},{\"name\":\"draw\",\"type\":\"double\",\"doc\":\"In [0, 1), from a hash of the id.\"},{\"name\":\"reason\",\"type\":\"string\",\"doc\":\"Why it was chosen, or why there is none.\"},{\"name\":\"sequence\",\"type\":[\"null\",\"long\"],\"doc\":\"Of the offer, per customer, rising.\",\"default\":null},{\"name\":\"expiresAt\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"channel\",\"type\":[\"null\",\"string\"],\"default\":null}]}",
  'delivery': "{\"type\":\"record\",\"name\":\"Delivery\",\"namespace\":\"offerstream\",\"doc\":\"What became of an offer on its way to the customer.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"DeliveryType\",\"symbols\":[\"delivery\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"delivery\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"offer\",\"type\":\"string\"},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"channel\",\"type\":\"string\"},{\"name\":\"provider\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"state\",\"type\":{\"type\":\"enum\",\"name\":\"DeliveryState\",\"symbols\":[\"decided\",\"deferred\",\"suppressed\",\"expired\",\"superseded\",\"taken\",\"sending\",\"accepted\",\"rejected\",\"unknown\",\"displayed\",\"clicked\"]}},{\"name\":\"reason\",\"type\":[\"null\",\"string\"],\"doc\":\"A short fixed reason.\",\"default\":null},{\"name\":\"device\",\"type\":[\"null\",\"string\"],\"doc\":\"Opaque handle.\",\"default\":null},{\"name\":\"trigger\",\"type\":\"string\",\"doc\":\"Kind of the trigger behind the offer.\",\"default\":\"\"}]}",
  'engagement': "{\"type\":\"record\",\"name\":\"Engagement\",\"namespace\":\"offerstream\",\"doc\":\"A customer saw, opened, clicked, dismissed or rejected something, opened the app, got in touch, or wants no more messages.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"EngagementType\",\"symbols\":[\"engagement\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"engagement\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"EngagementKind\",\"symbols\":[\"displayed\",\"opened\",\"clicked\",\"dismissed\",\"rejected\",\"app_opened\",\"interaction\",\"unsubscribed\"]}},{\"name\":\"surface\",\"type\":{\"type\":\"enum\",\"name\":\"Surface\",\"symbols\":[\"push\",\"app_home\",\"shop\",\"call_centre\",\"email\",\"web\",\"other\"],\"default\":\"other\"}},{\"name\":\"offer\",\"type\":[\"null\",\"string\"],\"doc\":\"Id of the offer it answers.\",\"default\":null},{\"name\":\"item\",\"type\":[\"null\",\"string\"],\"doc\":\"Catalogue item it concerns.\",\"default\":null},{\"name\":\"interaction\",\"type\":[\"null\",\"string\"],\"doc\":\"Kind of interaction: complaint, question, technical, cancellation.\",\"default\":null}]}",
  'feature-update': "{\"type\":\"record\",\"name\":\"FeatureUpdate\",\"namespace\":\"offerstream\",\"doc\":\"A trigger fired: which, when, the features as they stood, the facts a decision needs.\",\"fields\":[{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Derived from the journal record that caused it.\"},{\"name\":\"customer\",\"type\":\"string\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"trigger\",\"type\":{\"type\":\"record\",\"name\":\"Trigger\",\"namespace\":\"offerstream\",\"doc\":\"What made a decision due.\",\"fields\":[{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"event\",\"type\":\"string\",\"doc\":\"Id of the event; of a campaign its name; of a moment that came, what it concerns: the offer opened, the package.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}},{\"name\":\"fingerprint\",\"type\":\"string\",\"doc\":\"Of the feature list.\"},{\"name\":\"features\",\"type\":{\"type\":\"array\",\"items\":\"float\"},\"doc\":\"In the order of the list; missing is NaN.\"},{\"name\":\"facts\",\"type\":{\"type\":\"record\",\"name\":\"CustomerFacts\",\"doc\":\"What the newest profile says, as far as a decision needs it.\",\"fields\":[{\"name\":\"plan\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"customerSince\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"bindingEndsAt\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"bundle\",\"type\":\"boolean\",\"default\":false},{\"name\":\"monthlyChargeMinor\",\"type\":\"long\",\"default\":0},{\"name\":\"currency\",\"type\":\"string\",\"default\":\"USD\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"ageBand\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"zone\",\"type\":\"string\",\"default\":\"UTC\"},{\"name\":\"locale\",\"type\":\"string\",\"default\":\"en\"},{\"name\":\"segment\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"consent\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"},\"default\":{}},{\"name\":\"devices\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]},{\"name\":\"rejections\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Rejection\",\"fields\":[{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}},\"doc\":\"The newest few.\",\"default\":[]}]}}]}",
  'next-best-offer': "{\"type\":\"record\",\"name\":\"NextBestOffer\",\"namespace\":\"offerstream\",\"doc\":\"The offer to make: self-contained and small, for any subscriber.\",\"fields\":[{\"name\":\"id\",\"type\":\"string\",\"doc\":\"The id of the decision; drop repeats by it.\"},{\"name\":\"customer\",\"type\":\"string\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"sequence\",\"type\":\"long\",\"doc\":\"Per customer, rising; a later one supersedes.\"},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"category\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"priceMinor\",\"type\":\"long\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"channel\",\"type\":\"string\"},{\"name\":\"text\",\"type\":\"string\",\"doc\":\"Message in the customer's locale.\"},{\"name\":\"locale\",\"type\":\"string\",\"default\":\"en\"},{\"name\":\"zone\",\"type\":\"string\",\"default\":\"UTC\"},{\"name\":\"reasons\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]},{\"name\":\"expiresAt\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"trigger\",\"type\":{\"type\":\"record\",\"name\":\"Trigger\",\"namespace\":\"offerstream\",\"doc\":\"What made a decision due.\",\"fields\":[{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"event\",\"type\":\"string\",\"doc\":\"Id of the event; of a campaign its name; of a moment that came, what it concerns: the offer opened, the package.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}},{\"name\":\"obligation\",\"type\":\"string\",\"doc\":\"none, mandatory or transactional, as in the catalogue.\",\"default\":\"none\"},{\"name\":\"needsConsent\",\"type\":\"boolean\",\"default\":true}]}",
  'playbook': "{\"type\":\"record\",\"name\":\"PlaybookRecord\",\"namespace\":\"offerstream\",\"doc\":\"One change of what decisions go by; its offset is a playbook version.\",\"fields\":[{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"body\",\"type\":[{\"type\":\"record\",\"name\":\"CatalogueItem\",\"doc\":\"Something that can be offered.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"CatalogueItemType\",\"symbols\":[\"item\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"item\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"ItemKind\",\"symbols\":[\"plan\",\"package\",\"sale\",\"discount\"]}},{\"name\":\"priceMinor\",\"type\":\"long\",\"doc\":\"List price, minor currency units.\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"marginMinor\",\"type\":\"long\",\"doc\":\"Earned when it is taken, minor currency units.\"},{\"name\":\"quotaKb\",\"type\":[\"null\",\"long\"],\"doc\":\"Data included; none means unlimited.\",\"default\":null},{\"name\":\"minutes\",\"type\":[\"null\",\"int\"],\"doc\":\"Minutes included; none means unlimited.\",\"default\":null},{\"name\":\"texts\",\"type\":[\"null\",\"int\"],\"doc\":\"Texts included; none means unlimited.\",\"default\":null},{\"name\":\"overageMinorPerGb\",\"type\":\"long\",\"default\":0},{\"name\":\"overageMinorPerMinute\",\"type\":\"long\",\"default\":0},{\"name\":\"overageMinorPerText\",\"type\":\"long\",\"default\":0},{\"name\":\"speedKbps\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"serviceType\",\"type\":\"string\",\"doc\":\"mobile-data, voice, roaming, retail.\",\"default\":\"\"},{\"name\":\"recurring\",\"type\":\"boolean\",\"default\":false},{\"name\":\"validityDays\",\"type\":[\"null\",\"int\"],\"default\":null},{\"name\":\"category\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"brand\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"text\",\"type\":{\"type\":\"map\",\"values\":\"string\"},\"doc\":\"Message by locale.\",\"default\":{}},{\"name\":\"channels\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"Where it may be offered.\",\"default\":[\"push\"]},{\"name\":\"availableFrom\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"availableTo\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"stock\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"withdrawn\",\"type\":\"boolean\",\"default\":false},{\"name\":\"costMinor\",\"type\":\"long\",\"doc\":\"What it costs when it is taken, minor currency units: the reduction a discount gives.\",\"default\":0},{\"name\":\"obligation\",\"type\":{\"type\":\"enum\",\"name\":\"ItemObligation\",\"symbols\":[\"none\",\"mandatory\",\"transactional\"]},\"doc\":\"A mandatory or transactional item goes before every offer and past marketing's caps; a transactional one also past quiet hours.\",\"default\":\"none\"},{\"name\":\"needsConsent\",\"type\":\"boolean\",\"doc\":\"Whether the law wants consent for a mandatory or transactional item too; others always need it.\",\"default\":true},{\"name\":\"link\",\"type\":[\"null\",\"string\"],\"doc\":\"Where a click on an offer of it leads, https; none leads to a page that says no more than thank you.\",\"default\":null}]},{\"type\":\"record\",\"name\":\"Rule\",\"doc\":\"Refuses candidates for which every predicate holds.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"RuleType\",\"symbols\":[\"rule\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"rule\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"why\",\"type\":\"string\",\"doc\":\"Short reason, kept on each refusal.\"},{\"name\":\"active\",\"type\":\"boolean\",\"default\":true},{\"name\":\"when\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Predicate\",\"doc\":\"A typed comparison, or a group of them; a rule refuses when all of its predicates hold. A value that is missing makes neither a comparison nor its opposite hold.\",\"fields\":[{\"name\":\"subject\",\"type\":{\"type\":\"enum\",\"name\":\"PredicateSubject\",\"symbols\":[\"feature\",\"item\",\"customer\",\"trigger\",\"time\",\"group\",\"score\"]},\"doc\":\"What it looks at; a group looks at its members.\",\"default\":\"group\"},{\"name\":\"field\",\"type\":\"string\",\"default\":\"\"},{\"name\":\"operator\",\"type\":{\"type\":\"enum\",\"name\":\"PredicateOperator\",\"symbols\":[\"lt\",\"le\",\"eq\",\"ne\",\"ge\",\"gt\",\"in\",\"not_in\",\"missing\",\"all\",\"any\",\"none\"]}},{\"name\":\"number\",\"type\":[\"null\",\"double\"],\"default\":null,\"doc\":\"For lt, le, eq, ne, ge, gt.\"},{\"name\":\"text\",\"type\":[\"null\",\"string\"],\"default\":null,\"doc\":\"For eq and ne.\"},{\"name\":\"numbers\",\"type\":{\"type\":\"array\",\"items\":\"double\"},\"doc\":\"For in and not_in.\",\"default\":[]},{\"name\":\"texts\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"For in and not_in.\",\"default\":[]},{\"name\":\"of\",\"type\":{\"type\":\"array\",\"items\":\"Predicate\"},\"doc\":\"Members of a group: all, any or none of them.\",\"default\":[]}]}}}]},{\"type\":\"record\",\"name\":\"Lever\",\"doc\":\"Multiplies the expected value of what it names.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"LeverType\",\"symbols\":[\"lever\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"lever\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"item\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"category\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"factor\",\"type\":\"double\"},{\"name\":\"active\",\"type\":\"boolean\",\"default\":true},{\"name\":\"score\",\"type\":[\"null\",\"string\"],\"doc\":\"A model of customers: its score multiplies too; of a customer it does not score the lever says nothing.\",\"default\":null}]},{\"type\":\"record\",\"name\":\"Budget\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"BudgetType\",\"symbols\":[\"budget\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"budget\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"item\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"category\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"amountMinor\",\"type\":\"long\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"from\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"to\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null}]},{\"type\":\"record\",\"name\":\"Experiment\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"ExperimentType\",\"symbols\":[\"experiment\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"experiment\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"active\",\"type\":\"boolean\",\"default\":true},{\"name\":\"from\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"to\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},{\"name\":\"arms\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Arm\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"share\",\"type\":\"double\",\"doc\":\"Shares add up to 1.\"},{\"name\":\"policy\",\"type\":{\"type\":\"enum\",\"name\":\"ArmPolicy\",\"symbols\":[\"champion\",\"random_eligible\",\"propensity_only\",\"no_levers\",\"rules_only\",\"no_offer\"],\"default\":\"champion\"},\"default\":\"champion\"}]}}}]},{\"type\":\"record\",\"name\":\"ModelPromotion\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"ModelPromotionType\",\"symbols\":[\"model\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"model\"},{\"name\":\"name\",\"type\":\"string\",\"doc\":\"Model, as in the registry folder.\"},{\"name\":\"version\",\"type\":\"string\"},{\"name\":\"stage\",\"type\":{\"type\":\"enum\",\"name\":\"ModelStage\",\"symbols\":[\"champion\",\"canary\",\"shadow\",\"retired\"]}},{\"name\":\"share\",\"type\":\"double\",\"doc\":\"Of customers, for a canary.\",\"default\":1},{\"name\":\"sha256\",\"type\":\"string\"},{\"name\":\"learning\",\"type\":\"boolean\",\"doc\":\"Whether it is being learned from these decisions: at least a tenth of them then explores.\",\"default\":false},{\"name\":\"reason\",\"type\":\"string\",\"doc\":\"Why, in words: the guardrail that tripped, with its figures.\",\"default\":\"\"},{\"name\":\"guardrails\",\"type\":{\"type\":\"record\",\"name\":\"Guardrails\",\"doc\":\"What a canary, or a new champion for a while, must keep to; the scorer retires it when it does not.\",\"fields\":[{\"name\":\"active\",\"type\":\"boolean\",\"doc\":\"Whether a guardrail that trips retires it.\",\"default\":true},{\"name\":\"error\",\"type\":\"double\",\"doc\":\"Chance that one of them trips though its bound is kept, however often it is looked at.\",\"default\":0.001},{\"name\":\"failedShare\",\"type\":\"double\",\"doc\":\"Of decisions that it was to score, at most so many without a score.\",\"default\":0.01},{\"name\":\"meanRatio\",\"type\":\"double\",\"doc\":\"Its mean probability and the other version's, of the same candidates: the larger at most so many times the smaller.\",\"default\":2},{\"name\":\"spreadShare\",\"type\":\"double\",\"doc\":\"Its scores lie at least this share as far apart as the other version's of the same candidates.\",\"default\":0.1},{\"name\":\"offerRatio\",\"type\":\"double\",\"doc\":\"Offers per decision, against the champion's customers: the larger at most so many times the smaller.\",\"default\":2},{\"name\":\"acceptanceRatio\",\"type\":\"double\",\"doc\":\"Purchases per offer, at least this share of the champion's.\",\"default\":0.8},{\"name\":\"rejectionRatio\",\"type\":\"double\",\"doc\":\"Explicit rejections per offer, at most so many times the champion's.\",\"default\":1.25},{\"name\":\"fallbackShare\",\"type\":\"double\",\"doc\":\"Of its rows, at most so many scored by the second implementation.\",\"default\":0.5},{\"name\":\"watchHours\",\"type\":\"int\",\"doc\":\"How long a new champion is held against the one before it.\",\"default\":24}]},\"default\":{\"active\":true,\"error\":0.001,\"failedShare\":0.01,\"meanRatio\":2,\"spreadShare\":0.1,\"offerRatio\":2,\"acceptanceRatio\":0.8,\"rejectionRatio\":1.25,\"fallbackShare\":0.5,\"watchHours\":24}}]},{\"type\":\"record\",\"name\":\"KillSwitch\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"KillSwitchType\",\"symbols\":[\"kill_switch\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"kill_switch\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"scope\",\"type\":{\"type\":\"enum\",\"name\":\"KillScope\",\"symbols\":[\"global\",\"campaign\",\"provider\",\"item\"]}},{\"name\":\"target\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"on\",\"type\":\"boolean\"}]},{\"type\":\"record\",\"name\":\"ContactPolicy\",\"doc\":\"How often, when and how offers are made.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"ContactPolicyType\",\"symbols\":[\"contact_policy\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"contact_policy\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"explorationShare\",\"type\":\"double\",\"doc\":\"Share of decisions drawn uniformly from the eligible actions.\",\"default\":0.1},{\"name\":\"minimumGapMinutes\",\"type\":\"int\",\"doc\":\"Between two offers to one customer.\",\"default\":1440},{\"name\":\"offersPerWeek\",\"type\":\"int\",\"default\":3},{\"name\":\"offersPerCategoryPerWeek\",\"type\":\"int\",\"default\":3},{\"name\":\"sameItemGapDays\",\"type\":\"int\",\"doc\":\"Before the same item is offered again.\",\"default\":7},{\"name\":\"rejectionCoolDownDays\",\"type\":\"int\",\"default\":30},{\"name\":\"quietFromHour\",\"type\":\"int\",\"doc\":\"Local hour at which quiet hours begin.\",\"default\":21},{\"name\":\"quietToHour\",\"type\":\"int\",\"doc\":\"Local hour at which they end.\",\"default\":8},{\"name\":\"validHours\",\"type\":\"int\",\"doc\":\"An offer expires after so long.\",\"default\":24},{\"name\":\"priceStepShare\",\"type\":\"double\",\"doc\":\"Largest price step against the current charge, as a share.\",\"default\":1},{\"name\":\"minimumValueMinor\",\"type\":\"double\",\"doc\":\"Below this expected value there is no offer.\",\"default\":0},{\"name\":\"offersPerChannelPerWeek\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"doc\":\"By channel; one that is not named has no cap of its own.\",\"default\":{}},{\"name\":\"offersPerItemPerMonth\",\"type\":\"int\",\"doc\":\"Within 30 days.\",\"default\":5},{\"name\":\"cancelledWhenQuiet\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"doc\":\"Categories whose offers are dropped in quiet hours; those of every other wait for the end.\",\"default\":[]},{\"name\":\"releaseSpreadMinutes\",\"type\":\"int\",\"doc\":\"What waited for the end of quiet hours goes out within so long, each offer at a moment of its own.\",\"default\":15},{\"name\":\"campaignOffersPerMinute\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"doc\":\"By campaign, a kind of trigger or the event behind one; one that is not named goes at full speed.\",\"default\":{}}]}]}]}",
  'purchase': "{\"type\":\"record\",\"name\":\"Purchase\",\"namespace\":\"offerstream\",\"doc\":\"A customer bought a plan, package or product.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"PurchaseType\",\"symbols\":[\"purchase\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"purchase\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"item\",\"type\":\"string\",\"doc\":\"Name in the catalogue; one the catalogue does not know is kept.\"},{\"name\":\"quantity\",\"type\":\"int\",\"doc\":\"At least 1.\",\"default\":1},{\"name\":\"priceMinor\",\"type\":\"long\",\"doc\":\"Paid for the whole line, in minor currency units.\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"channel\",\"type\":\"string\",\"doc\":\"Where it was bought: app, web, shop, call-centre.\",\"default\":\"unknown\"},{\"name\":\"offer\",\"type\":[\"null\",\"string\"],\"doc\":\"Offer that the purchase answered, where the seller knows it.\",\"default\":null}]}",
  'purchase-retracted': "{\"type\":\"record\",\"name\":\"PurchaseRetracted\",\"namespace\":\"offerstream\",\"doc\":\"A purchase was taken back; it repeats what the purchase said so that a fold can subtract it.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"PurchaseRetractedType\",\"symbols\":[\"purchase_retracted\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"purchase_retracted\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"purchase\",\"type\":\"string\",\"doc\":\"Id of the purchase.\"},{\"name\":\"purchasedAt\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When that purchase happened.\"},{\"name\":\"item\",\"type\":\"string\"},{\"name\":\"quantity\",\"type\":\"int\",\"default\":1},{\"name\":\"priceMinor\",\"type\":\"long\",\"doc\":\"As on the purchase.\"},{\"name\":\"currency\",\"type\":\"string\",\"doc\":\"ISO 4217.\"},{\"name\":\"channel\",\"type\":\"string\",\"default\":\"unknown\"}]}",
  'tick': "{\"type\":\"record\",\"name\":\"Tick\",\"namespace\":\"offerstream\",\"doc\":\"The clock reached a minute; appended to every journal partition so that a replay sees time pass too.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"TickType\",\"symbols\":[\"tick\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"tick\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}",
  'trigger': "{\"type\":\"record\",\"name\":\"Trigger\",\"namespace\":\"offerstream\",\"doc\":\"What made a decision due.\",\"fields\":[{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"event\",\"type\":\"string\",\"doc\":\"Id of the event; of a campaign its name; of a moment that came, what it concerns: the offer opened, the package.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}",
  'usage': "{\"type\":\"record\",\"name\":\"Usage\",\"namespace\":\"offerstream\",\"doc\":\"Data, minutes or texts used.\",\"fields\":[{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"UsageType\",\"symbols\":[\"usage\"]},\"doc\":\"Tells the records of a union apart.\",\"default\":\"usage\"},{\"name\":\"id\",\"type\":\"string\",\"doc\":\"Unique per source; a repeat within 24 hours is the same event.\"},{\"name\":\"customer\",\"type\":\"string\",\"doc\":\"Pseudonym of the customer, the key of the topic.\"},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"doc\":\"When it happened, milliseconds since the epoch.\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"UsageKind\",\"symbols\":[\"data\",\"voice\",\"text\"]}},{\"name\":\"dataKb\",\"type\":\"long\",\"doc\":\"Kilobytes, for kind data.\",\"default\":0},{\"name\":\"seconds\",\"type\":\"long\",\"doc\":\"Seconds, for kind voice.\",\"default\":0},{\"name\":\"texts\",\"type\":\"int\",\"doc\":\"Messages, for kind text.\",\"default\":0},{\"name\":\"overageMinor\",\"type\":\"long\",\"doc\":\"Charged on top of the plan, minor currency units.\",\"default\":0},{\"name\":\"roaming\",\"type\":\"boolean\",\"default\":false}]}",
}
