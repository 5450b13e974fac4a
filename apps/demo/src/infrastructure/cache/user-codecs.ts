import { isUser, isUserSettings, type User, type UserSettings } from '../../domain/user.ts'
import { checkedJson } from './checked-json.ts'

/** `null` stands for a user who is not there. */
export const profileCodec = checkedJson<User | null>(found => found === null || isUser(found))

export const settingsCodec = checkedJson<UserSettings | null>(found => found === null || isUserSettings(found))
