/** What is used of Casbin's `Enforcer`. */
export interface PolicyEnforcer {
  enforce(...request: unknown[]): Promise<boolean>
  getImplicitRolesForUser(name: string): Promise<string[]>
}

interface Loading {
  readonly revision: string
  readonly enforcer: Promise<PolicyEnforcer>
}

/** One that takes longer is not waited for any more: it may never come. */
const PATIENCE_MS = 30_000

/**
 * The enforcer with the policy of this process. Casbin loads a policy into the model that it decides by, so that a reload
 * would be seen half done: for another revision there is another enforcer.
 */
export class Enforcers {
  readonly #create: () => Promise<PolicyEnforcer>
  readonly #patienceMs: number
  #current: Loading | undefined
  /** Begins when `#current` is through: whoever comes meanwhile shares it, for it will see all that they must see. */
  #next: Loading | undefined

  constructor(create: () => Promise<PolicyEnforcer>, patienceMs = PATIENCE_MS) {
    this.#create = create
    this.#patienceMs = patienceMs
  }

  /** An enforcer whose policy was loaded for `revision`, or after this call. */
  at(revision: string): Promise<PolicyEnforcer> {
    for (const known of [this.#current, this.#next]) if (known?.revision === revision) return known.enforcer
    if (this.#next !== undefined) return this.#next.enforcer
    const before = this.#current?.enforcer
    const enforcer = (async () => {
      await settled(before, this.#patienceMs)
      this.#current = this.#next
      this.#next = undefined
      return this.#create()
    })()
    const loading = { revision, enforcer }
    this.#next = loading
    // The next one tries again.
    enforcer.catch(() => {
      if (this.#current === loading) this.#current = undefined
    })
    return enforcer
  }
}

function settled(promise: Promise<unknown> | undefined, patienceMs: number): Promise<void> {
  if (promise === undefined) return Promise.resolve()
  return new Promise(resolve => {
    const timer = setTimeout(resolve, patienceMs).unref()
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    promise.then(done, done)
  })
}
