import { itemName, packageItem, planItem, saleItem } from './items.ts'
import { competitorIndex, type Market, monthMs } from './market.ts'
import { marketPackages } from './packages.ts'
import { indexOf, marketPlans, onSale, overageMinorPerGb, planPrice, unlimitedGb } from './plans.ts'
import { salesOf, salesPerDay, saleText } from './sales.ts'

/** What the operator sells, month by month and day by day, as anybody may see it: no style, popularity or class. */
export function catalogueOf(market: Market, months: number) {
  const each = <Row>(rows: (month: number) => readonly Row[]): Row[] =>
    Array.from({ length: months }, (_, month) => rows(month)).flat()
  return {
    competitor: each(month => [
      { month, from: market.start + month * monthMs, priceIndex: competitorIndex(market.seed, month) },
    ]),
    plans: each(month =>
      marketPlans.map((plan, j) => ({
        month,
        from: market.start + month * monthMs,
        /** Bit of `eligible`. */
        number: j,
        item: itemName(planItem(j, month))!,
        /** A plan keeps this through every change of its id. */
        family: plan.name,
        onSale: onSale(j, month),
        priceMinor: planPrice(j, month),
        quotaGb: plan.quotaGb >= unlimitedGb ? null : plan.quotaGb,
        minutes: plan.minutes,
        streaming: plan.streaming === 1,
        roaming: plan.roaming === 1,
        validityDays: plan.validityDays,
        overageMinorPerGb: plan.quotaGb >= unlimitedGb ? 0 : Math.round(overageMinorPerGb * indexOf(month)),
      })),
    ),
    packages: marketPackages.map((item, number) => ({ item: itemName(packageItem(number))!, ...item })),
    sales: each(month =>
      Array.from({ length: 30 }, (_, of) => salesOf(market.seed, 30 * month + of)).flatMap(sales =>
        Array.from({ length: salesPerDay }, (_, k) => ({
          item: itemName(saleItem(sales.day, k))!,
          day: sales.day,
          brand: sales.brand[k]!,
          category: sales.category[k]!,
          priceMinor: sales.priceMinor[k]!,
          discount: sales.discount[k]!,
          text: saleText(sales, k),
        })),
      ),
    ),
  }
}
