import { Command } from 'commander'
import { addAgentsCommands } from './commands/agents.ts'
import { addBenchCommand } from './commands/bench.ts'
import { addChangeCommands } from './commands/change.ts'
import { addCronCommands } from './commands/cron.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addDashboardCommand } from './commands/dashboard.ts'
import { addDeadCommands } from './commands/dead.ts'
import { addDevCommand } from './commands/dev.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addEnqueueCommand } from './commands/enqueue.ts'
import { addErrorsCommand } from './commands/errors.ts'
import { addFollowCommands } from './commands/follow.ts'
import { addInitCommand } from './commands/init.ts'
import { addListCommand } from './commands/list.ts'
import { addMcpCommand } from './commands/mcp.ts'
import { addExplainCommand, addInspectCommand } from './commands/inspect.ts'
import { addOverviewCommands } from './commands/overview.ts'
import { addPauseCommands } from './commands/pauses.ts'
import { addPruneCommand } from './commands/prune.ts'
import { addSchemaCommands } from './commands/schema.ts'
import { addTransferCommands } from './commands/transfer.ts'
import { addTopCommand } from './commands/top.ts'
import { addWorkerCommand } from './commands/worker.ts'
import { addWorkflowCommand } from './commands/workflow.ts'
import { describeResults } from './results.ts'
import { ownVersion } from './version.ts'

/** In the order of the help. A new command is a file in `commands` and a line here. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addInitCommand,
  addDevCommand,
  addWorkerCommand,
  addDashboardCommand,
  addSchemaCommands,
  addEnqueueCommand,
  addListCommand,
  addInspectCommand,
  addExplainCommand,
  addWorkflowCommand,
  addFollowCommands,
  addChangeCommands,
  addDeadCommands,
  addErrorsCommand,
  addPauseCommands,
  addCronCommands,
  addTopCommand,
  addOverviewCommands,
  addDoctorCommand,
  addBenchCommand,
  addPruneCommand,
  addTransferCommands,
  addMcpCommand,
  addAgentsCommands,
  addCompletionCommand,
]

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('millrace')
    .description('Look at jobs, change them, run them, find what is wrong.')
    .version(ownVersion())
    .option('--database <url>', 'postgres:// URL (default: DATABASE_URL)')
    .option('--schema <name>', 'schema of the instance (default: search_path of the URL, else millrace)')
    .option('--data <directory>', 'embedded database, used when no URL is given (default: ./.millrace)')
    .option('--redis <url>', 'redis:// URL (default: REDIS_URL, where no other database is named)')
    .option('--key-prefix <prefix>', 'of the instance on Redis (default: dq:)')
    .option('--json', 'print JSON')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    // Said by `main`, as every other error.
    .configureOutput({ outputError: () => undefined })
  for (const add of COMMANDS) add(program)
  describeResults(program)
  return program
}
