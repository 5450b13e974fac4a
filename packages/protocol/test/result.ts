import { err, ok } from '@dashtam/cache-protocol'
import t from 'tap'

t.test('ok() and err() make plain objects that survive a structured clone', async t => {
  t.strictSame(structuredClone(ok(null)), { ok: true, value: null })
  t.strictSame(structuredClone(err('why')), { ok: false, error: 'why' })
})
