import com.google.googlejavaformat.java.Main;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs google-java-format over a source folder: {@code check FOLDER} or {@code apply FOLDER}. */
class Format {
  public static void main(String[] args) throws Exception {
    boolean apply = args[0].equals("apply");
    List<String> command =
        new ArrayList<>(apply ? List.of("--replace") : List.of("--dry-run", "--set-exit-if-changed"));
    try (var files = Files.walk(Path.of(args[1]))) {
      files.map(Path::toString).filter(name -> name.endsWith(".java")).sorted().forEach(command::add);
    }
    int status =
        new Main(new PrintWriter(System.out, true), new PrintWriter(System.err, true), System.in)
            .format(command.toArray(String[]::new));
    if (status != 0 && !apply) {
      System.err.println(
          "The files above are not formatted; run: mvn -q -Pformat validate");
    }
    System.exit(status);
  }
}
