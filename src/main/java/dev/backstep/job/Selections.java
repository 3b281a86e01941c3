package dev.backstep.job;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobFolder;
import dev.backstep.source.SourceProvider;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * From a definition that selects VMs to one for each of them, as the source has them at this
 * moment. What is begun, queued and stored are always those: one VM by what stays of it.
 * Thread-safe.
 */
public final class Selections {

  private final Map<String, SourceProvider> providers;
  private final Path runFolder;

  /**
   * @param runFolder of this process, as sources are opened with
   */
  public Selections(Collection<SourceProvider> providers, Path runFolder) {
    this.providers =
        providers.stream()
            .collect(Collectors.toUnmodifiableMap(SourceProvider::type, Function.identity()));
    this.runFolder = runFolder;
  }

  /**
   * What a definition stands for.
   *
   * @param definitions one for each VM, by name; the definition itself where it names one
   * @param leftOut a line for each VM that another definition backs up instead
   * @param unprotected a line for each VM that may have no backup now
   */
  public record Selected(
      List<JobDefinition> definitions, List<String> leftOut, List<String> unprotected) {

    /** More VMs are counted, not listed. */
    private static final int LISTED_MAX = 20;

    public Selected {
      definitions = List.copyOf(definitions);
      leftOut = List.copyOf(leftOut);
      unprotected = List.copyOf(unprotected);
    }

    /** What several definitions stand for. */
    public static Selected together(List<Selected> each) {
      return new Selected(
          each.stream().flatMap(one -> one.definitions().stream()).toList(),
          each.stream().flatMap(one -> one.leftOut().stream()).toList(),
          each.stream().flatMap(one -> one.unprotected().stream()).toList());
    }

    /** For messages. */
    public String names() {
      return listed(definitions.stream().map(JobDefinition::vmName).toList());
    }

    static String listed(List<String> names) {
      int more = names.size() - LISTED_MAX;
      return names.stream().limit(LISTED_MAX).collect(Collectors.joining(", "))
          + (more > 0 ? " and " + more + " more" : "");
    }
  }

  /** A look at the sources for what a folder defines. */
  public Look look(JobFolder.Content content) {
    return look(content.definitions(), content.broken());
  }

  /**
   * A look at the sources, for one question.
   *
   * @param all the definitions in force
   * @param broken those in force that cannot be used
   */
  public Look look(Collection<JobDefinition> all, List<JobDefinitionException> broken) {
    return new Look(providers, runFolder, all, broken);
  }
}
