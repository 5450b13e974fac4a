// The differential test over 100,000 operations.
import { storesAnswerAlike } from '../test/fixtures/differential/answer-alike.ts'

storesAnswerAlike(200)
