import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Tells whether a value fits. */
export type SchemaCheck = (value: unknown) => boolean

/**
 * Makes the check of a schema, which never throws. The value itself is what the reader gets, not what the schema makes
 * of it: see the option `schema`.
 *
 * @throws TypeError when `schema` is no Standard Schema, or is seen to be asynchronous.
 */
export function createSchemaCheck(schema: StandardSchemaV1): SchemaCheck {
  // A schema may be a function (ArkType's are).
  const standard = (schema as StandardSchemaV1 | undefined)?.['~standard']
  if (standard?.version !== 1 || typeof standard.validate !== 'function') {
    throw new TypeError("schema must be a Standard Schema of version 1: an object with '~standard'")
  }
  if (validate(standard, undefined) === 'asynchronous') {
    throw new TypeError('schema must validate synchronously, got a Promise from its validate()')
  }
  let hasWarned = false
  return value => {
    const answer = validate(standard, value)
    // No error: Zod answers with a Promise also when a check throws, and what a check throws at may be the data.
    if (answer === 'asynchronous' && !hasWarned) {
      hasWarned = true
      process.emitWarning(
        'The schema of a cache codec answered with a Promise: it is asynchronous, or one of its checks threw. ' +
          'What it should have checked counts as unreadable.',
        { code: 'DASHTAM_CACHE_CODECS_ASYNC_SCHEMA' }
      )
    }
    return answer === true
  }
}

function validate(standard: StandardSchemaV1['~standard'], value: unknown): boolean | 'asynchronous' {
  try {
    const result = standard.validate(value)
    if (!(result instanceof Promise)) return result.issues === undefined
    // Nobody waits for it, so its rejection would end the process.
    result.catch(() => {})
    return 'asynchronous'
  } catch {
    return false
  }
}
