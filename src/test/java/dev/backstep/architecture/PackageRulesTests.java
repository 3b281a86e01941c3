package dev.backstep.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The packages of {@code docs/architecture.md}: arrows go down, never up or in a circle. */
class PackageRulesTests {

  private static final String ROOT = "dev.backstep";

  private static final List<String> NOTHING = List.of();
  private static final List<String> BLOCKIO = below(NOTHING, "domain");
  private static final List<String> FORMATS = below(BLOCKIO, "blockio");
  private static final List<String> REPOSITORY = below(FORMATS, "qcow2");
  private static final List<String> SOURCE = below(FORMATS, "nbd");
  private static final List<String> FILES = below(SOURCE, "qcow2", "source");
  private static final List<String> SOURCE_OF_A_KIND = below(FILES, "source.file");
  private static final List<String> BACKUP = below(REPOSITORY, "nbd", "repository", "source");
  private static final List<String> JOB =
      below(
          below(BACKUP, "backup", "catalog", "job", "job.definition"),
          "source.image",
          "source.nbd",
          "source.libvirt",
          "source.qmp",
          "source.vsphere");
  private static final List<String> SCHEDULE =
      below(
          JOB,
          "job.backup",
          "job.external",
          "job.restore",
          "job.verify",
          "job.retention",
          "job.replicate");
  private static final List<String> EDGE = below(SCHEDULE, "schedule");

  /** What each package may use of ours; a package that is not named here is not allowed to be. */
  private static final Map<String, List<String>> MAY_USE =
      Map.ofEntries(
          entry("domain", NOTHING),
          entry("blockio", BLOCKIO),
          entry("nbd", FORMATS),
          entry("qcow2", FORMATS),
          entry("repository", REPOSITORY),
          entry("source", SOURCE),
          entry("source.file", FILES),
          entry("source.image", SOURCE_OF_A_KIND),
          entry("source.nbd", SOURCE_OF_A_KIND),
          entry("source.libvirt", SOURCE_OF_A_KIND),
          entry("source.qmp", SOURCE_OF_A_KIND),
          entry("source.vsphere", SOURCE_OF_A_KIND),
          entry("backup", BACKUP),
          entry("catalog", BLOCKIO),
          entry("job.definition", BLOCKIO),
          entry("job", JOB),
          entry("job.backup", JOB),
          entry("job.external", JOB),
          entry("job.copy", JOB),
          entry("job.restore", JOB),
          entry("job.verify", JOB),
          entry("job.retention", JOB),
          entry("job.replicate", JOB),
          entry("schedule", SCHEDULE),
          entry("api", EDGE),
          entry("monitor", EDGE),
          entry("console", EDGE),
          entry("cli", EDGE));

  /** Who may use what of others: classes by full name or package, and the packages of ours. */
  private static final Map<String, List<String>> OTHERS =
      Map.ofEntries(
          entry("org.springframework.batch..", List.of("job..")),
          entry("org.quartz..", List.of("schedule..")),
          entry("java.sql..", List.of("catalog..")),
          entry("org.springframework.jdbc..", List.of("catalog..")),
          entry(
              "org.springframework..",
              List.of("catalog..", "job..", "schedule..", "api..", "monitor..", "console..", "")),
          entry("io.micrometer..", List.of("monitor..")),
          entry("picocli..", List.of("cli..", "")),
          entry("org.yaml.snakeyaml..", List.of("job.definition..")),
          entry("com.github.luben..", List.of("qcow2..")),
          entry("java.net.http..", List.of("cli..", "source.vsphere..")));

  private static final Set<String> DATA_FILES =
      Set.of(
          "java.nio.channels.FileChannel",
          "java.nio.channels.AsynchronousFileChannel",
          "java.io.RandomAccessFile",
          "java.io.FileInputStream",
          "java.io.FileOutputStream");

  private static final Set<String> SOCKETS =
      Set.of(
          "java.net.Socket",
          "java.net.ServerSocket",
          "java.nio.channels.SocketChannel",
          "java.nio.channels.ServerSocketChannel",
          "java.nio.channels.AsynchronousSocketChannel");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages(ROOT);

  @Test
  void everyPackageIsInTheTable() {
    Set<String> packages = new TreeSet<>();
    CLASSES.forEach(type -> packages.add(type.getPackageName()));
    packages.remove(ROOT);

    assertThat(packages)
        .isNotEmpty()
        .allSatisfy(name -> assertThat(MAY_USE).containsKey(own(name)));
  }

  @TestFactory
  List<DynamicTest> packagesUseOnlyWhatIsBelowThem() {
    List<DynamicTest> tests = new ArrayList<>();
    MAY_USE.forEach((name, allowed) ->
        tests.add(
            DynamicTest.dynamicTest(
                name,
                () ->
                    classes()
                        .that()
                        .resideInAPackage(full(name))
                        .should()
                        .onlyDependOnClassesThat(ours(name, allowed))
                        .allowEmptyShould(true)
                        .because(name + " may use of ours only " + allowed)
                        .check(CLASSES))));
    return tests;
  }

  @TestFactory
  List<DynamicTest> frameworksStayWhereTheyBelong() {
    List<DynamicTest> tests = new ArrayList<>();
    OTHERS.forEach((foreign, packages) ->
        tests.add(
            DynamicTest.dynamicTest(
                foreign,
                () ->
                    noClasses()
                        .that()
                        .resideOutsideOfPackages(full(packages))
                        .should()
                        .dependOnClassesThat(resideInAPackage(foreign))
                        .allowEmptyShould(true)
                        .because("only " + packages + " may use " + foreign)
                        .check(CLASSES))));
    return tests;
  }

  @Test
  void onlyBlockioOpensFilesForData() {
    noClasses()
        .that()
        .resideOutsideOfPackage(full("blockio"))
        .should()
        .dependOnClassesThat(named(DATA_FILES))
        .because("alignment, forcing and locks are decided in one place")
        .check(CLASSES);
  }

  @Test
  void onlyNbdOpensSocketsForData() {
    noClasses()
        .that()
        .resideOutsideOfPackage(full("nbd"))
        .and()
        .areNotAssignableTo(X509ExtendedTrustManager.class) // its methods' signatures name sockets
        .and()
        .doNotHaveSimpleName("GuestPort") // no data of disks: whether a booted guest answers
        .and()
        .doNotHaveSimpleName("QmpConnection") // no data of disks: a QEMU's monitor
        .should()
        .dependOnClassesThat(named(SOCKETS))
        .because("timeouts and who is at fault are decided in one place")
        .check(CLASSES);
  }

  @Test
  void packagesFormNoCircles() {
    slices().matching(ROOT + ".(**)").should().beFreeOfCycles().check(CLASSES);
  }

  private static DescribedPredicate<JavaClass> ours(String name, List<String> allowed) {
    List<String> packages = new ArrayList<>(List.of(full(name)));
    allowed.forEach(other -> packages.add(full(other)));
    return DescribedPredicate.or(
        resideInAnyPackage(packages.toArray(String[]::new)),
        DescribedPredicate.not(resideInAnyPackage(ROOT, ROOT + "..")));
  }

  private static DescribedPredicate<JavaClass> named(Set<String> names) {
    return DescribedPredicate.describe(
        "are one of " + names, type -> names.contains(type.getFullName()));
  }

  private static List<String> below(List<String> lower, String... more) {
    return Stream.concat(lower.stream(), Stream.of(more)).toList();
  }

  private static String own(String packageName) {
    return packageName.substring(ROOT.length() + 1);
  }

  private static String full(String name) {
    return name.isEmpty() ? ROOT : ROOT + "." + name;
  }

  private static String[] full(List<String> names) {
    return names.stream().map(PackageRulesTests::full).toArray(String[]::new);
  }
}
