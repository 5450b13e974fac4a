import { startBrokerage } from '@dashtam/brokerage'
import { createTestDatabase } from '@dashtam/testkit'
import t from 'tap'
import { openBrowser } from './fixtures/browser.ts'
import { DEMO_USER, openDemo } from './fixtures/demo.ts'

t.setTimeout(120_000)

t.test('a person connects a brokerage in a browser, and may change his mind', async t => {
  await using database = await createTestDatabase()
  const brokerage = await startBrokerage()
  t.teardown(() => brokerage.close())
  const app = await openDemo({ DATABASE_URL: database.url, BROKERAGE_URL: brokerage.url })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    /** As a page of ours would: with the cookies of the browser. */
    const post = async (path: string, body: object) => {
      await page.goto(`${address}/docs`)
      return page.evaluate(
        async ([url, text]) => {
          const headers = { 'content-type': 'application/json' }
          return (await fetch(url, { method: 'POST', headers, body: text })).json() as Promise<Record<string, string>>
        },
        [`/api/v1${path}`, JSON.stringify(body)] as const
      )
    }
    await post('/sessions', DEMO_USER)
    const begin = async (alias: string) => {
      const { authorizationUrl } = await post('/connections', { provider: 'brokerage', alias })
      await page.goto(authorizationUrl ?? '')
    }

    await begin('Never mind')
    await page.getByRole('button', { name: 'Refuse' }).click()
    await page.getByRole('heading', { name: 'It is not connected.' }).waitFor()

    await begin('My <brokerage>')
    t.equal(await page.getByLabel('Customer').inputValue(), 'demo')
    await page.getByLabel('Customer').fill('ada')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'My <brokerage> is connected.' }).waitFor()
    t.match(page.url(), `${address}/api/v1/connections/callback?`)

    await page.reload()
    await page.getByRole('heading', { name: 'It is not connected.' }).waitFor()
    await begin('Another')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Another is connected.' }).waitFor()

    await page.goto(`${address}/api/v1/connections`)
    const { connections } = JSON.parse((await page.textContent('body')) ?? '')
    t.match(connections, [{ alias: 'My <brokerage>' }, { alias: 'Another' }])
  } finally {
    await browser.close()
    await app.close()
  }
})
