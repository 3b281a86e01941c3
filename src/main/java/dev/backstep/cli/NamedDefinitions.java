package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.DidYouMean;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobFolder;
import java.util.List;

/** Job definitions by what an operator calls them. */
record NamedDefinitions(CommandOptions options) {

  /**
   * @param names of files or VMs; none for every definition
   * @throws OperatorException NOT_FOUND
   * @throws JobDefinitionException when one of them, or of all, cannot be read
   */
  List<JobDefinition> of(List<String> names) {
    return names.isEmpty() ? all() : named(names);
  }

  /** A definition that cannot be read may be one whose restore points were meant to stay. */
  private List<JobDefinition> all() {
    JobFolder.Content content = options.jobFolder().read();
    for (JobDefinitionException broken : content.broken()) {
      throw broken;
    }
    return content.byVmName().values().stream().map(JobFolder.Entry::definition).toList();
  }

  private List<JobDefinition> named(List<String> names) {
    JobFolder folder = options.jobFolder();
    return names.stream()
        .map(name ->
            folder
                .find(name)
                .orElseThrow(() ->
                    OperatorException.notFound(
                        "'"
                            + name
                            + "' is neither a file nor a VM defined in "
                            + folder.folder().toAbsolutePath().normalize()
                            + DidYouMean.hint(name, folder.read().byVmName().keySet()))))
        .map(JobFolder.Entry::definition)
        .toList();
  }
}
