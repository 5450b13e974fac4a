/** As session ids are made; anything else is none, and no database has to be asked for it. */
export const SESSION_ID = /^[\w-]{43}\.[\w-]{11}$/
