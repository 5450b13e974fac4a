import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './until.ts'

/**
 * Runs a program in the place of the shell, and beside it a watchdog at the other end of a pipe (descriptor 3).
 * A line says that the program has ended, a second line that its directory is still needed. The end of the pipe instead
 * of a line, which comes when this process ends in whatever way, ends the program and removes the directory.
 */
const WATCHED = `
signal=$1 directory=$2; shift 2
{
  PATH=$PATH:/usr/bin:/bin
  read -r _ || kill -"$signal" $$
  read -r _ || rm -rf "$directory" || { sleep 1; rm -rf "$directory"; }
} <&3 2>/dev/null &
exec "$@" 3<&-`

export interface ProgramOptions {
  /** Path of the executable. */
  readonly command: string
  readonly args: readonly string[]
  /** The program's working directory, made for it alone. It lives as long as the program's owner. */
  readonly directory: string
  /** What the program prints once it serves. */
  readonly readyPattern: RegExp
  /** Ends it at once, frozen or not, when this process is gone. */
  readonly endSignal: 'SIGKILL' | 'SIGQUIT'
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

/** A running program that ends, at the latest, with this process, and does not keep this process alive. */
export interface OwnedProgram {
  readonly pid: number
  readonly isRunning: boolean
  signal(signal: NodeJS.Signals): void
  /** Sends `signal`, waits for the end, and makes sure of it with SIGKILL after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs?: number): Promise<void>
  /** Gives the directory up: it is removed, unless `keep` says that the next program runs in it. */
  release(directory: 'remove' | 'keep'): void
}

/** Starts a program and waits until it serves; rejects with the end of its output when it does not. */
export async function startProgram(options: ProgramOptions): Promise<OwnedProgram> {
  const { command, directory, readyPattern } = options
  const outputFile = join(directory, 'output.log')
  const program = await spawnWatched(options, outputFile)
  try {
    await until(`${basename(command)} is ready`, async () => {
      const isRunning = program.isRunning
      const output = await readFile(outputFile, 'utf8')
      if (readyPattern.test(output)) return true
      if (!isRunning) throw new Error(`${basename(command)} ended at once. Its last words: ${output.slice(-600)}`)
      return false
    })
    return program
  } catch (error) {
    await program.end('SIGKILL')
    program.release('remove')
    throw error
  }
}

async function spawnWatched(options: ProgramOptions, outputFile: string): Promise<OwnedProgram> {
  const { command, args, endSignal, user } = options
  const output = await open(outputFile, 'w')
  // A session of its own: signals to our process group (Ctrl-C, a runner's time-out) reach us only.
  const child = spawn(
    '/bin/sh',
    ['-c', WATCHED, 'sh', endSignal.replace('SIG', ''), options.directory, command, ...args],
    { cwd: options.directory, detached: true, stdio: ['ignore', output.fd, output.fd, 'pipe'], ...user }
  )
  const exited = new Promise(resolve => child.once('exit', resolve))
  await Promise.all([once(child, 'spawn'), output.close()])
  // Node's types know neither that a pipe is a socket nor that a spawned process has a pid.
  const watchdog = child.stdio[3] as Socket
  const pid = child.pid as number
  watchdog.on('error', () => undefined) // the watchdog itself was killed
  watchdog.unref()
  child.unref()

  const ended = exited.then(() => watchdog.write('ended\n'))
  const isRunning = () => child.exitCode === null && child.signalCode === null
  return {
    pid,
    get isRunning() {
      return isRunning()
    },
    signal: signal => {
      if (!child.kill(signal)) throw new Error(`${basename(command)} is not running.`)
    },
    end: async (signal, graceMs = 2_000) => {
      if (!isRunning()) return
      child.ref()
      child.kill(signal)
      child.kill('SIGCONT') // a frozen process acts on nothing but SIGKILL
      await Promise.race([ended, sleep(graceMs, undefined, { ref: false })])
      child.kill('SIGKILL')
      await ended
    },
    release: directory => {
      watchdog.end(directory === 'keep' ? 'keep\n' : '')
    }
  }
}
