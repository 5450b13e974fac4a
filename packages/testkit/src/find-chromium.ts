import { findOnPath } from './on-path.ts'

const MISSING =
  'The tests need a Chromium and there is none: put chromium on PATH, or run as root on Debian with CI=true so that its chromium package is installed.'

/** The executable of a Chromium of this machine, which is installed where that may be done without asking. */
export async function findChromium(): Promise<string> {
  const found = await findOnPath('chromium')
  if (found !== undefined) return found
  const { mayInstallDebianPackages, installDebianPackage } = await import('./debian.ts')
  if (!(await mayInstallDebianPackages())) throw new Error(MISSING)
  await installDebianPackage('chromium')
  const installed = await findOnPath('chromium')
  if (installed === undefined) throw new Error(MISSING)
  return installed
}
