import t from 'tap'
import { createScryptPasswords } from '../src/infrastructure/security/scrypt-passwords.ts'

const yesterday = createScryptPasswords({ ln: 10, r: 8, p: 1 })
const today = createScryptPasswords({ ln: 11, r: 8, p: 1 })

t.test('a password is checked at the cost that its hash tells', async t => {
  const hash = await yesterday.hash('correct horse')
  t.match(hash, /^\$scrypt\$ln=10,r=8,p=1\$/)
  t.match(await today.hash('correct horse'), /^\$scrypt\$ln=11,r=8,p=1\$/)
  for (const passwords of [yesterday, today]) {
    t.ok(await passwords.matches('correct horse', hash))
    t.notOk(await passwords.matches('correct horse ', hash))
    t.notOk(await passwords.matches('correct horse', undefined))
  }
})

t.test('a hash that cannot be checked is an error, and says nothing of itself', async t => {
  for (const hash of ['', 'correct horse', '$scrypt$ln=10,r=8$a$b', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA']) {
    await t.rejects(today.matches('correct horse', hash), {
      message: 'a stored password hash is not in the format of scrypt'
    })
  }
  const dear = (await today.hash('correct horse')).replace('ln=11', 'ln=30')
  await t.rejects(today.matches('correct horse', dear), { code: 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS' })
  const short = (await today.hash('correct horse')).slice(0, -4)
  await t.rejects(today.matches('correct horse', short), { code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH' })
})
