using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;

namespace NativeFl.Cli.Verbs;

/// <summary>info: the devices of this machine, and with --model the memory that a training run would take.</summary>
internal static class InfoVerb
{
    public static Verb Verb => new(
        "info",
        "Show devices, and with --model the memory plan of a training run",
        [DataFlags.OptionalModel, .. TrainingFlags.Adapter, .. TrainingFlags.Optimiser, .. DataFlags.Prompt],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        string cuda = $"cuda: not available ({DeviceChoice.CudaReason})";
        var result = new JsonObject
        {
            ["version"] = ProductVersion.Text,
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["os"] = RuntimeInformation.OSDescription,
            ["devices"] = JsonOutput.Texts([run.Backend.DeviceName]),
            ["unavailable"] = JsonOutput.Texts([cuda]),
        };
        run.Print($"nativefl {ProductVersion.Text}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}");
        run.Print(run.Backend.DeviceName);
        run.Print(cuda);
        return result;
    }
}
