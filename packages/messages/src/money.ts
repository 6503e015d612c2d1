/**
 * An amount in minor units as the locale writes it, with the currency's own number of decimals (ISO 4217). A code that is
 * none stands beside the amount in hundredths.
 */
export function money(minor: number, currency: string, locale: string): string {
  if (!/^[A-Z]{3}$/i.test(currency)) return `${(minor / 100).toFixed(2)} ${currency}`
  const format = formatOf(locale, currency)
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits!)
}

const formats = new Map<string, Intl.NumberFormat>()

function formatOf(locale: string, currency: string): Intl.NumberFormat {
  const key = `${locale} ${currency}`
  let format = formats.get(key)
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, { style: 'currency', currency })
    formats.set(key, format)
  }
  return format
}
