// How often pushes were clicked, by the hour on the customer's wall in which they went out.

type HourCount = { readonly hour: number; readonly sent: number; readonly clicked: number }

/** Each hour once at most; one that is not there counts as none. */
export type Hours = readonly HourCount[]

/** Of the customer, and of all customers of the partition. */
export type ResponseHours = { readonly own: Hours; readonly cohort: Hours }

type What = 'sent' | 'clicked'

export function countHour(hours: Hours, hour: number, what: What): Hours {
  const found = hours.find(each => each.hour === hour) ?? { hour, sent: 0, clicked: 0 }
  return [...hours.filter(each => each.hour !== hour), { ...found, [what]: found[what] + 1 }]
}

/** What a partition's count is called. */
export const nameOfHour = (hour: number, what: What): string => `hours/${what}/${hour}`

/** Of the counts of a partition. */
export const hoursOf = (counts: ReadonlyMap<string, number>): Hours =>
  Array.from({ length: 24 }, (_, hour) => ({
    hour,
    sent: counts.get(nameOfHour(hour, 'sent')) ?? 0,
    clicked: counts.get(nameOfHour(hour, 'clicked')) ?? 0,
  })).filter(({ sent, clicked }) => sent + clicked > 0)
