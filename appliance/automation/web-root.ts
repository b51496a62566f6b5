import type { PublicFiles } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import type { EngineContext } from '../../sensor/automation/context.ts'
import { withSession } from '../../sensor/automation/sessions.ts'
import type { HttpFilePlace } from '../../sensor/issuance/solvers/http-file.ts'

/** The web root of a device, whose files are written through its connector. Faults at use: device-missing, device-read-only, device-unsupported, those of the connector. */
export function webRootOf(context: () => EngineContext, name: string, webRoot: string): HttpFilePlace {
  const atFiles = async (work: (files: PublicFiles, signal: AbortSignal) => Promise<void>) => {
    const device = context().store.devices.named(name)
    if (!device.writable) throw readOnly(name)
    await withSession(context(), device.id, async (session, signal) => {
      if (session.publicFiles) return work(session.publicFiles, signal)
      const message = `device ${name}: ${device.connector} cannot write files for a web server; prove names in another way`
      throw new Fault('device-unsupported', message, { device: name })
    })
  }
  return {
    webRoot,
    put: (path, text, signal) =>
      atFiles((files, limit) => files.put(path, text, AbortSignal.any([limit, signal]))),
    remove: (path, signal) => atFiles((files, limit) => files.remove(path, AbortSignal.any([limit, signal])))
  }
}

function readOnly(name: string): Fault {
  const message = `device ${name}: it is only read, and answers for the CA are files on it; allow writing with tlsward device allow`
  return new Fault('device-read-only', message, { device: name })
}
