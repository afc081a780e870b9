using System.Reflection;
using Microsoft.ML.Runtime;

namespace DpSgd.ML.Training;

/// <summary>
/// Whether training is to stop: because of the token in the options, or because ML.NET's own machinery (AutoML) cancelled
/// the context. ML.NET keeps the latter to itself, so it is asked by reflection; should a later version not answer, the
/// token is what counts.
/// </summary>
internal sealed class Cancellation
{
    private static readonly MethodInfo? ContextIsCancelled =
        typeof(IHost).Assembly.GetType("Microsoft.ML.Runtime.ICancelable")?.GetProperty("IsCanceled")?.GetMethod;

    private readonly Func<bool> _contextIsCancelled = () => false;
    private readonly CancellationToken _token;

    public Cancellation(IHost host, CancellationToken token)
    {
        _token = token;
        if (ContextIsCancelled?.DeclaringType!.IsInstanceOfType(host) == true)
            _contextIsCancelled = ContextIsCancelled.CreateDelegate<Func<bool>>(host);
    }

    /// <exception cref="OperationCanceledException">Training is to stop.</exception>
    public void ThrowIfCancelled()
    {
        _token.ThrowIfCancellationRequested();
        if (_contextIsCancelled())
            throw new OperationCanceledException("Operation was canceled.");
    }
}
