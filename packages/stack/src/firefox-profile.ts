import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Makes the folder a profile of Firefox that takes the push service at the address (http) for its own. */
export function writeFirefoxProfile(
  folder: string,
  pushService: string,
  more: Readonly<Record<string, string | number | boolean>> = {},
): void {
  const preferences = {
    'dom.push.serverURL': pushService.replace(/^http/, 'ws'),
    'dom.push.testing.allowInsecureServerURL': true,
    // A browser that is driven from outside has it off.
    'dom.push.connection.enabled': true,
    ...more,
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'user.js'),
    Object.entries(preferences)
      .map(each => `user_pref(${each.map(part => JSON.stringify(part)).join(', ')});\n`)
      .join(''),
  )
}
