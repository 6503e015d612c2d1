// Shows pushes, and says what became of them: the beacon of a message is its link with /d/ in the place of /c/.
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()))

self.addEventListener('push', event => {
  const { title, text, tag, locale, offer, link } = event.data.json()
  const shown = self.registration
    .showNotification(title || 'An offer for you', { body: text, tag, lang: locale, data: { offer, link } })
    .then(() => Promise.all([beacon(link, ''), tellPages()]))
  event.waitUntil(shown)
})

self.addEventListener('notificationclick', event => {
  const { link } = event.notification.data
  event.notification.close()
  event.waitUntil(Promise.all([link ? self.clients.openWindow(link) : null, tellPages()]))
})

self.addEventListener('notificationclose', event => {
  event.waitUntil(Promise.all([beacon(event.notification.data.link, '/dismissed'), tellPages()]))
})

/** Nothing is lost but a count when it fails. */
async function beacon(link, what) {
  if (!link) return
  await fetch(link.replace(/\/c\/([^/]*)$/, '/d/$1') + what, {
    method: 'POST',
    mode: 'no-cors',
    keepalive: true,
  }).catch(() => {})
}

async function tellPages() {
  for (const page of await self.clients.matchAll({ includeUncontrolled: true })) page.postMessage('changed')
}
