import { type DynamicModule, Inject, Module } from '@nestjs/common'
import { ModulesContainer } from '@nestjs/core'
import { getDataSourceToken, getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm'
import { MillraceError } from 'millrace'
import type { DataSource } from 'typeorm'
import { ModuleMemo } from '../memo.ts'
import { JobEntity, JobTypeLockEntity } from './job-entity.ts'
import { JobSystemService, type JobSystemSettings } from './service.ts'

/** The token of the `connectionName` that the job system was given. */
export const JOB_SYSTEM_CONNECTION = 'JOB_SYSTEM_CONNECTION'

/** What `JobSystemModule.forRoot` takes. */
export interface JobSystemModuleOptions extends JobSystemSettings {
  /** The name of a TypeORM `DataSource` on PostgreSQL, as given to `TypeOrmModule.forRoot({ name })`. */
  readonly connectionName: string
  /**
   * Whether it is what `JobSystemService` means when it is injected without a name. In an application with several connections one may
   * be; the others are injected by `@InjectJobSystem(connectionName)`. Default `true`.
   */
  readonly isDefault?: boolean | undefined
}

/** The token of the service of a connection. */
export function getJobSystemToken(connectionName: string): string {
  return `JobSystemService:${connectionName}`
}

/** Injects the service of a connection. */
export function InjectJobSystem(connectionName: string): PropertyDecorator & ParameterDecorator {
  return Inject(getJobSystemToken(connectionName))
}

/**
 * The job system on a named TypeORM connection: `imports: [JobSystemModule.forRoot({ connectionName: 'app_data' })]`. Global: the
 * service can be injected everywhere. Called twice alike it is one module and one service; otherwise the application does not start.
 */
@Module({})
export class JobSystemModule {
  private static readonly memo = new ModuleMemo<JobSystemModuleOptions>()

  static forRoot(options: JobSystemModuleOptions): DynamicModule {
    return JobSystemModule.memo.get(options.connectionName, options, () => build(options))
  }
}

function build({ connectionName, isDefault = true, ...settings }: JobSystemModuleOptions): DynamicModule {
  const token = getJobSystemToken(connectionName)
  const dataSource = { token: getDataSourceToken(connectionName), optional: true }
  const repositories = [JobEntity, JobTypeLockEntity].map((entity) => ({
    provide: getRepositoryToken(entity, connectionName),
    useFactory: (source?: DataSource) => source?.getRepository(entity),
    inject: [dataSource],
  }))
  // For `autoLoadEntities`, which it tells of the entities. Its providers are not taken: without a data source of that name Nest would
  // complain of a repository that nobody has heard of.
  TypeOrmModule.forFeature([JobEntity, JobTypeLockEntity], connectionName)
  return {
    module: JobSystemModule,
    global: true,
    providers: [
      { provide: JOB_SYSTEM_CONNECTION, useValue: connectionName },
      ...repositories,
      {
        provide: token,
        useFactory: (modules: ModulesContainer, source?: DataSource) => {
          refuseDuplicates(modules, { connectionName, isDefault })
          if (source === undefined) throw unknownConnection(connectionName)
          return new JobSystemService(source, settings)
        },
        inject: [ModulesContainer, dataSource],
      },
      ...(isDefault ? [{ provide: JobSystemService, useExisting: token }] : []),
    ],
    exports: [
      JOB_SYSTEM_CONNECTION,
      token,
      ...repositories.map(({ provide }) => provide),
      ...(isDefault ? [JobSystemService] : []),
    ],
  }
}

function refuseDuplicates(
  modules: ModulesContainer,
  { connectionName, isDefault }: { readonly connectionName: string; readonly isDefault: boolean },
): void {
  const holders = (token: string | typeof JobSystemService): number =>
    [...modules.values()].filter((module) => module.providers.has(token)).length
  const field = 'connectionName'
  if (holders(getJobSystemToken(connectionName)) > 1) {
    const remedy = 'Call it once, in the root module'
    throw new MillraceError(
      'CONFIG_INVALID',
      `JobSystemModule.forRoot is called with different options for the connection "${connectionName}". ${remedy}.`,
      { details: { field, value: connectionName, remedy } },
    )
  }
  if (isDefault && holders(JobSystemService) > 1) {
    const remedy = 'Pass `isDefault: false` for all but one, and inject those with `@InjectJobSystem(connectionName)`'
    throw new MillraceError(
      'CONFIG_INVALID',
      `JobSystemModule.forRoot is called for several connections, of which "${connectionName}" is one, and \`JobSystemService\` would be any of them. ${remedy}.`,
      { details: { field, value: connectionName, remedy } },
    )
  }
}

function unknownConnection(connectionName: string): MillraceError {
  const remedy = `Import \`TypeOrmModule.forRoot({ name: '${connectionName}', … })\` in the root module`
  return new MillraceError('CONFIG_INVALID', `There is no TypeORM DataSource called "${connectionName}". ${remedy}.`, {
    details: { field: 'connectionName', value: connectionName, remedy },
  })
}
