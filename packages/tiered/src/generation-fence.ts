/** The generation of a tag or of the namespace, as far as this process knows it. */
export class GenerationFence {
  readonly name: string
  #id: string | undefined
  #epoch = -1
  /** Grows with every change that this process is told of, or makes. */
  moves = 0
  /** Set when nobody is told of its changes any more. */
  isForgotten = false

  constructor(name: string) {
    this.name = name
  }

  /** The id that it has; `undefined` while it is not known, or pending. */
  idIn(epoch: number): string | undefined {
    return this.#epoch === epoch ? this.#id : undefined
  }

  learn(id: string, epoch: number): void {
    this.#id = id
    this.#epoch = epoch
  }

  distrust(): void {
    this.moves++
    this.#id = undefined
  }

  forget(): void {
    this.distrust()
    this.isForgotten = true
  }
}
