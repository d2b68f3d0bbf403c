using System.Runtime.InteropServices;
using NativeFl.Cli;

// The first Ctrl-C asks the run to stop at its next step, with what it has saved; the second one ends the process as usual.
using var stop = new CancellationTokenSource();
void Stop(PosixSignalContext context)
{
    if (stop.IsCancellationRequested) return;
    context.Cancel = true;
    stop.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
Console.OutputEncoding = System.Text.Encoding.UTF8;
return CommandLine.Run(args, new VerbConsole(Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected), stop.Token);
