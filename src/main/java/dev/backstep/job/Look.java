package dev.backstep.job;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.job.Selections.Selected;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.ListedVm;
import dev.backstep.source.Selection;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What definitions stand for while one question is answered: each place is asked once for its VMs,
 * and what it said holds for all of them. Of one thread.
 */
public final class Look {

  private final Map<String, SourceProvider> providers;
  private final Path runFolder;
  private final List<JobDefinition> all;
  private final List<JobDefinitionException> broken;
  private final Map<Place, Listing> listings = new HashMap<>();
  private Optional<Found> found = Optional.empty();

  /** A daemon, as it is in one spelling. */
  private record Place(String type, String name) {}

  /**
   * @param failure why it cannot be asked; then there are no VMs
   */
  private record Listing(List<ListedVm> vms, Optional<SourceException> failure) {}

  /**
   * The VMs of all selections.
   *
   * @param unasked why one of the selections could not be expanded
   */
  private record Found(Map<String, JobDefinition> byVm, Optional<OperatorException> unasked) {}

  Look(
      Map<String, SourceProvider> providers,
      Path runFolder,
      Collection<JobDefinition> all,
      List<JobDefinitionException> broken) {
    this.providers = providers;
    this.runFolder = runFolder;
    this.all = List.copyOf(all);
    this.broken = List.copyOf(broken);
  }

  /**
   * A VM that several definitions stand for is one VM: the definition that names it counts, else
   * the first of the selections by name. What is not known counts as if it had the VM.
   *
   * @throws OperatorException NOT_FOUND when it selects none and does not allow that; USAGE when a
   *     selection has the name of a VM, and when a definition in force cannot be used; as for a
   *     backup when the source cannot be asked
   */
  public Selected expand(JobDefinition definition) {
    if (!definition.source().isSelection()) {
      return new Selected(List.of(definition), List.of(), List.of());
    }
    requireAllUsable(definition);
    List<JobDefinition> definitions = new ArrayList<>();
    List<String> leftOut = new ArrayList<>();
    List<String> unprotected = new ArrayList<>();
    for (ListedVm vm : fitting(definition)) {
      requireFree(vm.name(), definition);
      Optional<Rival> rival = rival(vm, definition);
      if (rival.isPresent()) {
        (rival.get().isSure() ? leftOut : unprotected).add(rival.get().text(vm, definition));
      } else if (!JobDefinitions.isVmName(vm.name())) {
        unprotected.add(
            definition.vmName() + " leaves out " + vm.name() + ": no VM can have such a name here");
      } else {
        definitions.add(definition.of(vm.name(), definition.source().selected(vm.naming())));
      }
    }
    return new Selected(definitions, leftOut, unprotected);
  }

  /**
   * The definition of a VM that none names: that of the selection which has it.
   *
   * @throws OperatorException when there is none among those that could be asked, and one could not
   */
  public Optional<JobDefinition> find(String vmName) {
    if (found.isEmpty()) {
      found = Optional.of(expandAll());
    }
    Optional<JobDefinition> one = Optional.ofNullable(found.get().byVm().get(vmName));
    if (one.isEmpty() && found.get().unasked().isPresent()) {
      throw found.get().unasked().get();
    }
    return one;
  }

  private Found expandAll() {
    Map<String, JobDefinition> byVm = new HashMap<>();
    Optional<OperatorException> unasked = Optional.empty();
    for (JobDefinition definition : all) {
      try {
        if (definition.source().isSelection()) {
          expand(definition).definitions().forEach(one -> byVm.put(one.vmName(), one));
        }
      } catch (OperatorException e) {
        if (e.kind() != OperatorException.Kind.NOT_FOUND) {
          unasked = Optional.of(e);
        }
      }
    }
    return new Found(byVm, unasked);
  }

  /** One that cannot be used may name any VM. */
  private void requireAllUsable(JobDefinition definition) {
    if (!broken.isEmpty()) {
      JobDefinitionException first = broken.getFirst();
      throw OperatorException.usage(
          definition.vmName()
              + " selects no VM while another definition cannot be used, which may have one of"
              + " them: "
              + first.getMessage(),
          first);
    }
  }

  private List<ListedVm> fitting(JobDefinition definition) {
    Listing listing = listing(definition.source());
    if (listing.failure().isPresent()) {
      throw Refusals.of(listing.failure().get());
    }
    Selection selection = Selection.of(definition.source());
    List<ListedVm> fitting = listing.vms().stream().filter(selection::matches).toList();
    if (fitting.isEmpty()
        && !definition.source().settings().containsKey(SourceDefinition.ALLOW_EMPTY)) {
      throw OperatorException.notFound(nothing(definition, selection, listing.vms()));
    }
    return fitting;
  }

  private Listing listing(SourceDefinition source) {
    return listings.computeIfAbsent(place(source), place -> list(source));
  }

  private Listing list(SourceDefinition source) {
    SourceProvider provider = providers.get(source.type());
    try {
      if (provider == null) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "source type " + source.type() + ": this release has none");
      }
      return new Listing(provider.list(source, runFolder), Optional.empty());
    } catch (SourceException e) {
      return new Listing(List.of(), Optional.of(e));
    }
  }

  private Place place(SourceDefinition source) {
    SourceProvider provider = providers.get(source.type());
    return new Place(source.type(), provider == null ? "" : provider.place(source));
  }

  /** Fires and backups are told apart by name. */
  private void requireFree(String vmName, JobDefinition definition) {
    boolean taken =
        definition.vmName().equals(vmName)
            || all.stream()
                .anyMatch(one -> one.source().isSelection() && one.vmName().equals(vmName));
    if (taken) {
      throw OperatorException.usage(
          definition.vmName()
              + " selects a VM whose name, "
              + vmName
              + ", is that of a selection; give the selection another name in 'vm'",
          null);
    }
  }

  /**
   * A definition that a VM is left to.
   *
   * @param isSure whether that one has it, too; otherwise its source cannot be asked
   */
  private record Rival(JobDefinition definition, boolean isSure) {

    String text(ListedVm vm, JobDefinition loser) {
      return loser.vmName()
          + " leaves "
          + vm.name()
          + " to the definition of "
          + definition.vmName()
          + (isSure ? "" : ", whose source cannot be asked now");
    }
  }

  private Optional<Rival> rival(ListedVm vm, JobDefinition definition) {
    return all.stream()
        .filter(other -> !other.vmName().equals(definition.vmName()))
        .flatMap(other -> rival(other, vm, definition).stream())
        .min(
            Comparator.comparing((Rival rival) -> rival.definition().source().isSelection())
                .thenComparing(rival -> rival.definition().vmName()));
  }

  private Optional<Rival> rival(JobDefinition other, ListedVm vm, JobDefinition definition) {
    Rival sure = new Rival(other, true);
    boolean samePlace = place(other.source()).equals(place(definition.source()));
    if (!other.source().isSelection()) {
      boolean named =
          other.vmName().equals(vm.name())
              || (samePlace && vm.isNamedBy(other.source().settings()));
      return Optional.of(sure).filter(rival -> named);
    }
    if (other.vmName().compareTo(definition.vmName()) > 0) {
      return Optional.empty();
    }
    Selection selection = Selection.of(other.source());
    return samePlace
        ? Optional.of(sure).filter(rival -> selection.matches(vm))
        : namesake(other, selection, vm.name());
  }

  /** Two VMs of one name would be taken for one; that the other is not there must be known. */
  private Optional<Rival> namesake(JobDefinition other, Selection selection, String name) {
    if (!selection.mayHave(name)) {
      return Optional.empty();
    }
    Listing listing = listing(other.source());
    boolean there =
        listing.vms().stream().anyMatch(vm -> vm.name().equals(name) && selection.matches(vm));
    boolean unknown = listing.failure().isPresent();
    return Optional.of(new Rival(other, !unknown)).filter(rival -> there || unknown);
  }

  private String nothing(JobDefinition definition, Selection selection, List<ListedVm> present) {
    return definition.vmName()
        + ": no VM at "
        + place(definition.source()).name()
        + " has "
        + selection
        + "; there "
        + (present.isEmpty()
            ? "is none at all"
            : "are " + Selected.listed(present.stream().map(ListedVm::name).toList()))
        + "; `allow-empty: true` in the source makes that right";
  }
}
