import { Command } from 'commander'
import { addChangeCommands } from './commands/change.ts'
import { addCronCommands } from './commands/cron.ts'
import { addDashboardCommand } from './commands/dashboard.ts'
import { addDeadCommands } from './commands/dead.ts'
import { addDevCommand } from './commands/dev.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addEnqueueCommand } from './commands/enqueue.ts'
import { addFollowCommands } from './commands/follow.ts'
import { addInitCommand } from './commands/init.ts'
import { addListCommand } from './commands/list.ts'
import { addExplainCommand, addInspectCommand } from './commands/inspect.ts'
import { addOverviewCommands } from './commands/overview.ts'
import { addSchemaCommands } from './commands/schema.ts'
import { addWorkerCommand } from './commands/worker.ts'
import { ownVersion } from './version.ts'

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('millrace')
    .description('Look at jobs, change them, run them, find what is wrong.')
    .version(ownVersion())
    .option('--database <url>', 'postgres:// URL (default: DATABASE_URL)')
    .option('--schema <name>', 'schema of the instance (default: search_path of the URL, else millrace)')
    .option('--data <directory>', 'embedded database, used when no URL is given (default: ./.millrace)')
    .option('--json', 'print JSON')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showHelpAfterError('(millrace --help lists the commands, millrace <command> --help their options)')
  addInitCommand(program)
  addDevCommand(program)
  addDashboardCommand(program)
  addSchemaCommands(program)
  addEnqueueCommand(program)
  addListCommand(program)
  addInspectCommand(program)
  addExplainCommand(program)
  addChangeCommands(program)
  addDeadCommands(program)
  addOverviewCommands(program)
  addCronCommands(program)
  addFollowCommands(program)
  addWorkerCommand(program)
  addDoctorCommand(program)
  return program
}
