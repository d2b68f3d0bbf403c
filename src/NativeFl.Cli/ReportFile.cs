using NativeFl.Models;
using NativeFl.Reports;

namespace NativeFl.Cli;

/// <summary>report.html: what came out, and at its end the recipe that does the same again.</summary>
internal static class ReportFile
{
    /// <summary>Its name.</summary>
    public const string FileName = "report.html";

    /// <summary>Adds the recipe of the run and writes the page.</summary>
    public static void Write(string folder, VerbRun run, HtmlReport report)
    {
        report.Heading("Recipe").Code(JsonOutput.Write(RunRecord.Recipe(run.Flags), indented: true));
        AtomicFile.WriteText(Path.Combine(folder, FileName), report.ToHtml());
    }
}
