package dev.backstep.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.ListedVm;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SelectionsTests {

  private static final String SYSTEM = "qemu:///system";
  private static final String SESSION = "qemu:///session";

  private final Map<String, List<ListedVm>> present = new HashMap<>();
  private final List<String> asked = new ArrayList<>();
  private final Selections selections = new Selections(List.of(new Daemons()), Path.of("."));

  private final class Daemons implements SourceProvider {

    @Override
    public String type() {
      return "libvirt";
    }

    @Override
    public VmSource open(SourceDefinition definition, Path runFolder) {
      throw new AssertionError("nothing is opened");
    }

    @Override
    public String place(SourceDefinition definition) {
      return definition.settings().getOrDefault("uri", SYSTEM);
    }

    @Override
    public List<ListedVm> list(SourceDefinition definition, Path runFolder) throws SourceException {
      asked.add(place(definition));
      List<ListedVm> vms = present.get(place(definition));
      if (vms == null) {
        throw new SourceException(SourceException.Kind.UNREACHABLE, "no daemon");
      }
      return vms;
    }
  }

  private static ListedVm vm(String name, String... tags) {
    return new ListedVm(name, "", Set.of(tags), Map.of("domain", "uuid-" + name));
  }

  private static JobDefinition definition(String name, String source) {
    return JobDefinitions.read(
        "vm: " + name + "\nrepository: /r\nsource: { type: libvirt, " + source + " }");
  }

  private Look look(JobDefinition... all) {
    return selections.look(List.of(all), List.of());
  }

  private OperatorException refused(JobDefinition definition, JobDefinition... all) {
    return catchThrowableOfType(OperatorException.class, () -> look(all).expand(definition));
  }

  @Test
  void selectionBecomesADefinitionOfEachVmByWhatStays() {
    present.put(SYSTEM, List.of(vm("db"), vm("web1"), vm("web2")));
    JobDefinition kvm = definition("kvm", "select-name: 'web*', quiesce: off");

    Selections.Selected selected = look(kvm).expand(kvm);

    assertThat(selected.definitions())
        .containsExactly(
            definition("web1", "domain: uuid-web1, quiesce: off"),
            definition("web2", "domain: uuid-web2, quiesce: off"));
    assertThat(selected.leftOut()).isEmpty();
    assertThat(selected.names()).isEqualTo("web1, web2");
  }

  @Test
  void definitionThatNamesItsVmStaysWhatItIs() {
    JobDefinition web = definition("web", "domain: web");

    assertThat(look().expand(web).definitions()).containsExactly(web);
  }

  @Test
  void definitionThatNamesAVmGoesBeforeSelections() {
    present.put(SYSTEM, List.of(vm("a"), vm("b"), vm("c"), vm("d")));
    JobDefinition kvm = definition("kvm", "select-name: '*'");
    JobDefinition named = definition("a", "domain: x");
    JobDefinition byName = definition("second", "domain: b, uri: 'qemu+unix:/system'");
    JobDefinition byUuid = definition("third", "domain: UUID-C");
    JobDefinition elsewhere = definition("fourth", "domain: d, uri: 'qemu:///session'");

    Selections.Selected selected = look(kvm, named, byName, byUuid, elsewhere).expand(kvm);

    assertThat(selected.names()).isEqualTo("d");
    assertThat(selected.leftOut())
        .containsExactly(
            "kvm leaves a to the definition of a",
            "kvm leaves b to the definition of second",
            "kvm leaves c to the definition of third");
  }

  @Test
  void ofTwoSelectionsTheFirstByNameHasTheVm() {
    present.put(SYSTEM, List.of(vm("web1", "gold"), vm("web2")));
    JobDefinition first = definition("first", "select-tag: gold");
    JobDefinition second = definition("second", "select-name: 'web*'");

    assertThat(look(second, first).expand(first).names()).isEqualTo("web1");
    Selections.Selected selected = look(second, first).expand(second);

    assertThat(selected.names()).isEqualTo("web2");
    assertThat(selected.leftOut()).containsExactly("second leaves web1 to the definition of first");
  }

  @Test
  void namesakeAtAnotherDaemonIsNotTakenForTheSameVm() {
    present.put(SYSTEM, List.of(vm("web1"), vm("web2")));
    present.put(SESSION, List.of(vm("web1"), vm("web3")));
    JobDefinition first = definition("first", "select-name: '*'");
    JobDefinition second = definition("second", "select-name: '*', uri: 'qemu:///session'");

    Selections.Selected selected = look(first, second).expand(second);

    assertThat(selected.names()).isEqualTo("web3");
    assertThat(selected.leftOut()).containsExactly("second leaves web1 to the definition of first");
    assertThat(selected.unprotected()).isEmpty();
  }

  /** Its VM of that name, and all that was ever backed up of it, may be behind the daemon. */
  @Test
  void namesakeAtADaemonThatIsAwayIsNotTakenForNone() {
    present.put(SESSION, List.of(vm("db"), vm("web1")));
    JobDefinition first = definition("first", "select-name: 'web*', select-tag: gold");
    JobDefinition second = definition("second", "select-name: '*', uri: 'qemu:///session'");

    Selections.Selected selected = look(first, second).expand(second);

    assertThat(selected.names()).isEqualTo("db");
    assertThat(selected.leftOut()).isEmpty();
    assertThat(selected.unprotected())
        .containsExactly(
            "second leaves web1 to the definition of first, whose source cannot be asked now");
  }

  /** The broken one may name a domain that the selection would take for a VM of its own. */
  @Test
  void selectionHasNoVmWhileADefinitionCannotBeUsed() {
    present.put(SYSTEM, List.of(vm("web1")));
    JobDefinition kvm = definition("kvm", "select-name: '*'");
    JobDefinition named = definition("prod-db", "domain: db");
    JobDefinitionException broken =
        catchThrowableOfType(JobDefinitionException.class, () -> JobDefinitions.read("vm: ["));
    Look look = selections.look(List.of(kvm, named), List.of(broken));

    assertThat(look.expand(named).definitions()).containsExactly(named);
    assertThat(
            List.of(
                catchThrowableOfType(OperatorException.class, () -> look.expand(kvm)),
                catchThrowableOfType(OperatorException.class, () -> look.find("web1"))))
        .allSatisfy(refused -> {
          assertThat(refused.kind()).isEqualTo(OperatorException.Kind.USAGE);
          assertThat(refused)
              .hasMessageContainingAll(
                  "kvm selects no VM while another definition cannot be used", broken.getMessage());
        });
  }

  @Test
  void oneLookAsksEachDaemonOnce() {
    present.put(SYSTEM, List.of(vm("web1"), vm("web2"), vm("db")));
    present.put(SESSION, List.of(vm("web1"), vm("web3")));
    JobDefinition first = definition("first", "select-name: 'web*'");
    JobDefinition rest = definition("rest", "select-name: '*'");
    JobDefinition session = definition("session", "select-name: '*', uri: 'qemu:///session'");
    Look look = look(first, rest, session);

    assertThat(look.expand(rest).names()).isEqualTo("db");
    for (String name : List.of("web1", "web2", "web3", "db")) {
      assertThat(look.find(name)).isPresent();
    }
    assertThat(look.find("nosuch")).isEmpty();
    assertThat(asked).containsExactlyInAnyOrder(SYSTEM, SESSION);
  }

  @Test
  void domainWhoseNameNoVmCanHaveIsLeftOut() {
    String name = "w".repeat(201);
    present.put(SYSTEM, List.of(vm("web1"), vm(name)));
    JobDefinition kvm = definition("kvm", "select-name: '*'");

    Selections.Selected selected = look(kvm).expand(kvm);

    assertThat(selected.names()).isEqualTo("web1");
    assertThat(selected.unprotected()).singleElement().asString().contains("leaves out " + name);
  }

  @Test
  void nothingThatFitsIsAnErrorThatSaysWhatThereIs() {
    present.put(SYSTEM, List.of(vm("db"), vm("web1")));
    JobDefinition kvm = definition("kvm", "select-name: 'app*', select-tag: gold");

    OperatorException refused = refused(kvm, kvm);

    assertThat(refused.kind()).isEqualTo(OperatorException.Kind.NOT_FOUND);
    assertThat(refused)
        .hasMessage(
            "kvm: no VM at qemu:///system has name 'app*', tag 'gold'; there are db, web1;"
                + " `allow-empty: true` in the source makes that right");
    assertThat(
            look()
                .expand(definition("kvm", "select-name: 'app*', allow-empty: true"))
                .definitions())
        .isEmpty();
  }

  @Test
  void selectionDoesNotHaveTheNameOfAVm() {
    present.put(SYSTEM, List.of(vm("kvm"), vm("web")));
    JobDefinition kvm = definition("kvm", "select-name: '*'");

    OperatorException refused = refused(kvm, kvm);

    assertThat(refused.kind()).isEqualTo(OperatorException.Kind.USAGE);
    assertThat(refused).hasMessageContaining("kvm selects a VM whose name, kvm, is that of a");
  }

  @Test
  void daemonThatIsAwayIsNotAnEmptyOne() {
    JobDefinition kvm = definition("kvm", "select-name: '*', allow-empty: true");

    assertThat(refused(kvm, kvm).kind()).isEqualTo(OperatorException.Kind.FAILED);
    assertThat(catchThrowableOfType(OperatorException.class, () -> look(kvm).find("web1")))
        .hasMessageContaining("no daemon");
  }

  @Test
  void vmIsFoundByItsNameInTheSelectionThatHasIt() {
    present.put(SYSTEM, List.of(vm("db"), vm("web1")));
    JobDefinition none = definition("a", "select-name: nosuch");
    JobDefinition kvm = definition("kvm", "select-name: 'web*'");

    assertThat(look(none, kvm).find("web1")).contains(definition("web1", "domain: uuid-web1"));
    assertThat(look(none, kvm).find("db")).isEmpty();
  }
}
