using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace NativeFl.Nvrtc.Tests;

/// <summary>kernels/OCCUPANCY.md, out of what info --kernels lists.</summary>
internal static partial class OccupancyTable
{
    /// <summary>The compiler that the file is of: registers are each version's own.</summary>
    public const string Compiler = "NVRTC 12.4";

    /// <summary>The file.</summary>
    public const string Path = "kernels/OCCUPANCY.md";

    /// <summary>
    /// The table but for its column of registers. The compiler decides some of them by where its own data happens to lie in memory, so that
    /// the same source takes a few more or fewer from one run to the next (kmeans_assign without a bound on them: 61 or 66); the blocks that
    /// they leave room for must not change.
    /// </summary>
    public static string WithoutRegisters(string table) => RegistersColumn().Replace(table, "$1");

    public static string Of(IReadOnlyList<JsonObject> rows)
    {
        var text = new StringBuilder(
            $"""
            # What the kernels take of a multiprocessor

            By {Compiler}, for which no GPU is needed: `nativefl info --kernels --device cpu` prints the same of any version. `dotnet test
            tests/NativeFl.Nvrtc.Tests` fails where this table is not what the compiler says (but for registers that leave the same blocks), and names the file to copy over it.

            Threads of a block, registers of a thread, bytes of shared memory of a block (static and the most that a launch adds), of local memory and
            of spills of a thread; then the blocks and warps that a multiprocessor holds at once, the share of its 64 warps, and what there is no more
            of for another block. Few warps are no fault by themselves: products keep their tiles in registers, and wait for arithmetic. What waits for
            memory needs about half of the warps, or 16 bytes a lane several times over, to keep 32 KiB or so under way.

            A kernel whose file names a target (`// Target     sm_90a`) is compiled for that one alone; its registers are those that it is launched with,
            which warps may hand to each other afterwards.

            """);
        foreach (IGrouping<string?, JsonObject> target in rows.GroupBy(row => (string?)row["target"]))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {target.Key}\n\n");
            text.Append("| kernel | threads | registers | static | dynamic | local | spills | blocks | warps | share | bound by |\n");
            text.Append("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n");
            foreach (JsonObject row in target)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| {row["entry"]} | {row["threads"]} | {row["registers"]} | {row["static_shared_bytes"]} | {row["dynamic_shared_bytes"]} | {row["local_bytes"]} "
                    + $"| {row["spill_bytes"]} | {row["resident_blocks"]} | {row["resident_warps"]} | {(double)row["occupancy"]!:P0} | {row["bound"]} |\n");
            }
        }

        return text.Replace("\r\n", "\n").ToString();
    }

    [GeneratedRegex(@"^(\|[^|]*\|[^|]*\|)[^|]*\|", RegexOptions.Multiline)]
    private static partial Regex RegistersColumn();
}
