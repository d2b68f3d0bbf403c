using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using NativeFl.Benchmarks.Gpu;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Architecture;

namespace NativeFl.Tests.Benchmarks;

/// <summary>The benchmarks and their peers in Python draw the same weights, adapters and tokens.</summary>
public sealed class CounterHashTests
{
    private const string Stream = "model.layers.3.self_attn.q_proj.weight", Tokens = "tokens/2/7";

    private const float Amplitude = 0.0346410162f;

    [Test]
    public void Numbers_are_those_of_SplitMix64_and_FNV_1a()
    {
        Assert.Multiple(() =>
        {
            // The published hash of "a", and the first numbers of SplitMix64 from the seed 0.
            Assert.That(CounterHash.Stream("a"), Is.EqualTo(0xAF63DC4C8601EC8C));
            Assert.That(CounterHash.Bits(0, 0), Is.EqualTo(0xE220A8397B1DCDAF));
            Assert.That(CounterHash.Bits(0, 1), Is.EqualTo(0x6E789E6AA1B965F4));
        });
    }

    [Test]
    public void A_part_of_a_stream_is_what_the_whole_has_there()
    {
        float[] whole = new float[200_000], part = new float[70_001];
        CounterHash.Fill(CounterHash.Stream(Stream), 0, Amplitude, whole);
        CounterHash.Fill(CounterHash.Stream(Stream), 100_003, Amplitude, part);
        Assert.That(part, Is.EqualTo(whole[100_003..170_004]));
        Assert.That(whole, Has.All.InRange(-Amplitude, Amplitude).And.Some.LessThan(-0.99 * Amplitude).And.Some.GreaterThan(0.99 * Amplitude));
    }

    [Test]
    public void The_peers_in_Python_draw_the_same_numbers()
    {
        string[] lines = RunPython($"""
            import torch, counter_hash
            w, rounded = torch.empty(13, 77), torch.empty(13, 77, dtype=torch.bfloat16)
            counter_hash.fill("{Stream}", {Amplitude.ToString("R", CultureInfo.InvariantCulture)}, w)
            counter_hash.fill("{Stream}", {Amplitude.ToString("R", CultureInfo.InvariantCulture)}, rounded)
            print(*w.view(torch.int32).flatten().tolist())
            print(*rounded.float().view(torch.int32).flatten().tolist())
            print(*counter_hash.integers("{Tokens}", 300, 128256, "cpu").tolist())
            """);
        float[] weights = new float[13 * 77];
        CounterHash.Fill(CounterHash.Stream(Stream), 0, Amplitude, weights);
        Assert.That(Integers(lines[0]), Is.EqualTo(weights.Select(BitConverter.SingleToInt32Bits)));
        Assert.That(
            Integers(lines[1]), Is.EqualTo(weights.Select(value => BitConverter.SingleToInt32Bits(Bf16.Widen(Bf16.Round(value))))));
        Assert.That(
            Integers(lines[2]), Is.EqualTo(Enumerable.Range(0, 300).Select(i => CounterHash.Integer(CounterHash.Stream(Tokens), (ulong)i, 128256))));
    }

    private static int[] Integers(string line) => [.. line.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture))];

    // By the first of the two that has torch: the one on the path, or the system's.
    private static string[] RunPython(string program)
    {
        foreach (string python in new[] { "python3", "/usr/bin/python3" })
        {
            if (TryRun(python, "import torch", out _)) return TryRun(python, program, out string output) ? output.Split('\n') : throw new AssertionException(output);
        }
        Assert.Ignore("needs python3 with torch: CounterHash.cs is not compared with counter_hash.py");
        return [];
    }

    private static bool TryRun(string python, string program, out string output)
    {
        output = "";
        var start = new ProcessStartInfo(python, ["-c", program]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PYTHONPATH"] = Path.Combine(RepositoryTree.Root, "bench", "peers");
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            output += errors.Result;
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
