import { Command, Option } from 'commander'
import { wholeNumber, withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward events --open                        what is under way, and what waits for somebody
  tlsward events show 12                       where it stands and why, its plan, its history
  tlsward events approve 12 --hash 9c1f04a7b2e85d36
  tlsward events csr 12 > shop.csr             for an issuer that is a person
  tlsward events certificate 12 shop.pem       hand in what came back
  tlsward events retry 12                      try again, with the certificate that was issued, if one was

Commands after which an event goes on follow it to its end, and have the exit codes of tlsward replace.`

const eventNumber = wholeNumber('event', 1, 1e15)
const actions = () => import('../actions/events.ts')

/** `tlsward events` */
export function eventsCommand(run: Run): Command {
  const events = new Command('events')
    .alias('event')
    .summary('list, approve and follow replacements')
    .description('Automation events: what was asked for, where it stands and why.')
    .addHelpText('after', examples)
  withOutput(events.command('list', { isDefault: true }))
    .summary('list events')
    .description('Lists events, the latest first.')
    .option('--open', 'only those that have not ended')
    .addOption(
      new Option('--limit <COUNT>', 'at most so many')
        .argParser(wholeNumber('--limit', 1, 10_000))
        .default(50)
    )
    .addOption(
      new Option('--before <EVENT>', 'only those with lower numbers').argParser(
        wholeNumber('--before', 1, 1e15)
      )
    )
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).listEvents(session, command.optsWithGlobals()))
    )
  one(events, 'show')
    .summary('show an event')
    .description('Shows where an event stands and why, its deployments, its plan and its history.')
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).showEvent(session, id, command.optsWithGlobals()))
    )
  one(events, 'follow')
    .option('--wait', 'wait for a time to come as well, where no tlsward run is up that begins it then')
    .summary('watch an event to its end')
    .description('Shows what happens to an event until it has ended or waits for somebody.')
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).followEvent(session, id, command.optsWithGlobals()))
    )
  acts(events, run)
  persons(events, run)
  return events
}

function one(events: Command, name: string): Command {
  return events
    .command(name)
    .argument('<event>', 'its number', eventNumber)
    .option('-j, --json', 'one JSON object per line (docs/json.md)')
}

/** What says that names may lose their certificate. */
export const acceptLostNames = [
  '--accept-lost-names',
  'names that are served now may lose their certificate, as the plan says'
] as const

/** Options of commands after which an event goes on. */
export function withWaiting(command: Command): Command {
  return command
    .option('--wait', 'wait for a time to come as well, where no tlsward run is up that begins it then')
    .option('--no-wait', 'do not wait for the end: tlsward run, which must be up, goes on with it')
}

function acts(events: Command, run: Run): void {
  withWaiting(one(events, 'approve'))
    .summary('approve the plan of an event')
    .description('Approves what an event will do, by the hash of the plan that was looked at.')
    .addOption(
      new Option('--hash <HASH>', 'of the plan; its first 16 digits are enough').makeOptionMandatory()
    )
    .option(...acceptLostNames)
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).approveEvent(session, id, command.optsWithGlobals()))
    )
  one(events, 'cancel')
    .summary('take an event back')
    .description('Takes an event back: nothing more of it is begun. What has begun runs to its end.')
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).cancelEvent(session, id, command.optsWithGlobals()))
    )
  withWaiting(one(events, 'retry'))
    .summary('try its deployments again')
    .description(
      'Tries deployments that failed again. Certificates that were issued are used; those that were not are ordered.'
    )
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).retryEvent(session, id, command.optsWithGlobals()))
    )
}

function persons(events: Command, run: Run): void {
  withWaiting(one(events, 'give-up'))
    .summary('give up the undo of a stuck event')
    .description(
      'Ends what an event left half-way as it is: you have looked at its targets and answer for what they show now.'
    )
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).giveUpEvent(session, id, command.optsWithGlobals()))
    )
  events
    .command('csr')
    .summary('print its certificate requests')
    .description('Prints the CSRs of an event whose issuer is a person, PEM.')
    .argument('<event>', 'its number', eventNumber)
    .option('-o, --output <FILE>', 'write them to a file')
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).printRequests(session, id))
    )
  withWaiting(one(events, 'certificate'))
    .summary('hand in a certificate')
    .description('Hands in the certificate that a CA gave for the CSR of an event, with its chain.')
    .argument('<file>', 'PEM, DER or PKCS#7; - for standard input')
    .action((id: number, file: string, _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).giveCertificate(session, [id, file], command.optsWithGlobals())
      )
    )
}
