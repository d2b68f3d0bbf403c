using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeFl.Cuda.Kernels;

/// <summary>What one entry point takes of a multiprocessor.</summary>
/// <param name="Entry">The entry point.</param>
/// <param name="Threads">The most threads of a block, by its launch bounds.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SharedBytes">Static shared memory of a block; the launcher adds the dynamic part.</param>
/// <param name="StackBytes">Memory of a thread for what is not in registers: spills, and arrays with an index that is not a constant.</param>
/// <param name="SpillBytes">Bytes that a thread stores and loads for lack of registers.</param>
internal sealed partial record KernelFigures(string Entry, int Threads, int Registers, int SharedBytes, int StackBytes, int SpillBytes)
{
    /// <summary>The option with which NVRTC says all this in its log.</summary>
    public const string Option = "--ptxas-options=-v";

    /// <summary>Reads the log of a compilation to machine code, and the launch bounds out of the PTX that it went through.</summary>
    public static IReadOnlyList<KernelFigures> Parse(string log, string ptx)
    {
        Dictionary<string, int> threads = BoundsOf().Matches(ptx).ToDictionary(match => match.Groups[1].Value, match => Number(match.Groups[2]));
        var figures = new List<KernelFigures>();
        string entry = "";
        int stack = 0, spills = 0;
        foreach (string line in log.Split('\n'))
        {
            if (EntryLine().Match(line) is { Success: true } name)
            {
                entry = name.Groups[1].Value;
                stack = spills = 0;
            }
            else if (SpillLine().Match(line) is { Success: true } spill)
            {
                stack += Number(spill.Groups[1]);
                spills += Number(spill.Groups[2]) + Number(spill.Groups[3]);
            }
            else if (RegisterLine().Match(line) is { Success: true } used && entry.Length > 0)
            {
                Match shared = SharedPart().Match(line);
                figures.Add(new KernelFigures(entry, threads.GetValueOrDefault(entry), Number(used.Groups[1]), shared.Success ? Number(shared.Groups[1]) : 0, stack, spills));
                entry = "";
            }
        }

        return figures;
    }

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\.entry (\w+)\([^)]*\)\s*\.maxntid (\d+), 1, 1")]
    private static partial Regex BoundsOf();

    [GeneratedRegex(@"Compiling entry function '(\w+)'")]
    private static partial Regex EntryLine();

    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")]
    private static partial Regex SpillLine();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex RegisterLine();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex SharedPart();
}
