import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Several test processes may get here at once: the first installs, the others find the package when it lets go. */
const LOCK_FILE = '/var/lock/dashtam-testkit.lock'

const INSTALL = `
dpkg-query -W -f '\${Status}' "$1" 2>/dev/null | grep -q '^install ok installed' && exit 0
apt-get update -q && apt-get install -q -y --no-install-recommends "$1"`

/** Whether packages may be installed here without asking anybody: in CI, on Debian, as root. */
export async function mayInstallDebianPackages(): Promise<boolean> {
  if (process.env.CI !== 'true' || process.getuid?.() !== 0) return false
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^ID="?debian"?$/m.test(osRelease)
}

/** Installs a package unless it is installed; rejects with what apt-get said when that fails. */
export async function installDebianPackage(name: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('flock', [LOCK_FILE, 'sh', '-c', INSTALL, 'sh', name], { env }).catch((error: { stderr: string }) => {
    throw new Error(`apt-get could not install ${name}: ${error.stderr.trim()}`, { cause: error })
  })
}
